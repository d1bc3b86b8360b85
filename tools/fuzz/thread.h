/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_THREAD_H
#define FUZZ_THREAD_H

#include <pthread.h>

#include "calls.h"
#include "count.h"
#include "state.h"

/* What the next call is about, so that its arguments fit each other */
struct scene {
	int nr_context;
	struct life life;
	struct file file;		/* that the call is made on */
	struct mapping map;		/* all zero if there is none */
	__u64 iova, length;		/* a part of it */
	__u32 ids[8];			/* that were picked */
	int nr_ids;
	__u32 ioas;			/* that they lead to */
};

struct thread {
	int nr;
	pthread_t thread;
	int tid;
	struct rng rng;
	struct scene scene;
	char *arg;			/* the struct, ... */
	char *data;			/* ... and what it points to */
	__u32 cookie;			/* of the last page request ... */
	int fault_fd;			/* ... and where it was read */
	int event;			/* an eventfd */
	int nr_context;			/* it stays with one for a while */
	const char *doing;
	unsigned long steps;
	struct counts counts;
};

#define ARG_ROOM	4096
#define DATA_ROOM	65536

/* A call: choose its arguments, make it, and note what comes of it. */
void call_run(struct thread *t, int nr);
/* Rows in all tables, and one of them */
int calls_count(void);
const struct call *call_of(int nr);
/* Can it work on this machine? */
bool call_has_to_work(int nr);
/* One of them, by how often each is wanted; what never worked comes more often. */
int call_pick(struct rng *rng);

/* What the next call is about is a mapping of this IOAS, or of any (0). */
void scene_choose_range(struct thread *t, __u32 ioas);
/* Fill the argument of a call. Returns its size. */
int fill(struct thread *t, const struct call *call);
/* Get something in it wrong. */
void spoil(struct thread *t, const struct call *call);
/* A pointer that nothing good is behind */
__u64 bad_pointer(struct rng *rng);

/* What is not an ioctl: files, memory, devices. */
void other_step(struct thread *t);
int open_device(struct thread *t);
int open_group(struct thread *t);

/* Settings */
extern bool trace;

#endif
