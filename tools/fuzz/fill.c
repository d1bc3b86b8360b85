// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arguments of a call: mostly good ones, and what can be wrong with them.
 */
#include <string.h>
#include <unistd.h>

#include "../../iommufd_test.h"
#include "lib/memory.h"
#include "thread.h"
#include "windows.h"

static __u64 value(struct thread *t, const struct field *field)
{
	return field->arg;
}

static __u64 below(struct thread *t, const struct field *field)
{
	return rng_below(&t->rng, field->arg);
}

static __u64 flags(struct thread *t, const struct field *field)
{
	return rng_next(&t->rng) & field->arg;
}

static __u64 one_of(struct thread *t, const struct field *field)
{
	const struct values *values = field->table;

	return values->values[rng_below(&t->rng, values->n)];
}

static __u64 id(struct thread *t, const struct field *field)
{
	unsigned int types = rng_one_in(&t->rng, 50) ? ANY_ID : field->arg;
	struct scene *scene = &t->scene;
	struct object found = {};

	if (rng_one_in(&t->rng, 50))
		return rng_below(&t->rng, 40);
	id_pick(scene->life, types, &t->rng, &found);
	if (scene->nr_ids < COUNT(scene->ids))
		scene->ids[scene->nr_ids++] = found.id;
	/* What follows is about a mapping of the same IOAS. */
	if (found.ioas) {
		scene->ioas = found.ioas;
		scene_choose_range(t, found.ioas);
	}
	return found.id;
}

static __u64 behind(struct thread *t, const struct field *field)
{
	struct object found = {};

	id_pick(t->scene.life, rng_one_in(&t->rng, 8) ? IDS(STDEV) : IDS(BEHIND),
		&t->rng, &found);
	return found.id ? id_of_device(t->scene.life, found.id) : 0;
}

static __u64 map_ioas(struct thread *t, const struct field *field)
{
	__u32 ioas = t->scene.map.ioas;
	struct object found = {};

	if (ioas && ioas != CONTAINER_IOAS)
		return ioas;
	id_pick(t->scene.life, IDS(IOAS), &t->rng, &found);
	return found.id;
}

static __u64 file(struct thread *t, const struct field *field)
{
	enum file_kind kind = rng_one_in(&t->rng, 50) ?
			 rng_below(&t->rng, NR_KINDS) : field->arg;
	struct file file;
	int tries = 4;

	do {
		if (!file_pick(kind, &t->rng, &file))
			return -1;
	} while (file.context != t->scene.nr_context && --tries);
	/* What is done with an access is about a range of its IOAS. */
	if (kind == F_ACCESS)
		scene_choose_range(t, file.ioas);
	return file.fd;
}

static __u64 context(struct thread *t, const struct field *field)
{
	return t->scene.life.fd;
}

static __u64 event(struct thread *t, const struct field *field)
{
	return t->event;
}

/* Most of them where a mock device can reach them, and close to each other */
static __u64 new_iova(struct thread *t, const struct field *field)
{
	__u64 page = rng_below(&t->rng, 2048);

	switch (rng_below(&t->rng, 16)) {
	case 0:
		return (page << 32) + (page & 3) * PAGE;
	case 1:
		return -(page + 1) * PAGE;
	case 2:
		return MOCK_APERTURE_START + page * MOCK_PAGE_SIZE;
	case 3:
		return (page & 7) * PAGE;
	case 4:
		return MOCK_APERTURE_START + (page & 7) * HUGE;
	default:
		return MOCK_APERTURE_START + page * PAGE;
	}
}

static __u64 new_length(struct thread *t, const struct field *field)
{
	switch (rng_below(&t->rng, 32)) {
	case 0:
	case 1:
		return MOCK_PAGE_SIZE * (1 + rng_below(&t->rng, 16));
	case 2:
	case 3:
		return rng_below(&t->rng, 9000);
	case 4:
		return HUGE;
	case 5:
		return PAGE * (1 + rng_below(&t->rng, 512));
	default:
		return PAGE * (1 + rng_below(&t->rng, 16));
	}
}

static __u64 address(struct thread *t, const struct field *field)
{
	static const int aligns[] = { 1, MOCK_PAGE_SIZE, PAGE, PAGE, PAGE, PAGE,
				      HUGE, HUGE };

	return window_address(&t->rng, aligns[rng_below(&t->rng,
							COUNT(aligns))]);
}

static __u64 iova(struct thread *t, const struct field *field)
{
	return t->scene.iova;
}

static __u64 length(struct thread *t, const struct field *field)
{
	return t->scene.length;
}

static __u64 mapped(struct thread *t, const struct field *field)
{
	const struct scene *scene = &t->scene;

	return scene->map.address + scene->iova - scene->map.iova;
}

/* Behind a V_NEW_IOVA that is not known here: a range up to the end of everything */
static __u64 last(struct thread *t, const struct field *field)
{
	return rng_one_in(&t->rng, 2) ? ~0ULL :
	       (1ULL << 32) + rng_below(&t->rng, 1 << 20) * PAGE - 1;
}

static __u64 area(struct thread *t, const struct field *field)
{
	return rng_below(&t->rng, 4) | rng_below(&t->rng, 2) << 43;
}

__u64 bad_pointer(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0:
		return 0;
	case 1:
		return 0xffff888000000000UL + rng_below(rng, 1 << 30);
	case 2:
		/* The end of a window is near. */
		return window_start(rng_below(rng, NR_WINDOWS)) + WINDOW_SIZE -
		       rng_below(rng, 64);
	default:
		return window_address(rng, 1);
	}
}

/* Its end is where the data ends, or it is anywhere in there. */
static char *buffer_at(struct thread *t, __u64 room)
{
	if (rng_one_in(&t->rng, 16))
		return t->data + DATA_ROOM - room;
	if (rng_one_in(&t->rng, 16))
		return t->data + rng_below(&t->rng, DATA_ROOM - room);
	return t->data;
}

static __u64 buffer(struct thread *t, const struct field *field)
{
	if (rng_one_in(&t->rng, 32))
		return bad_pointer(&t->rng);
	return (unsigned long)buffer_at(t, field->arg);
}

static void fill_shape(struct thread *t, const struct shape *shape, char *to);

static __u64 array(struct thread *t, const struct field *field)
{
	const struct shape *shape = field->table;
	char *at = buffer_at(t, field->arg);
	__u64 i;

	memset(at, 0, field->arg);
	for (i = 0; i < field->arg / shape->size; i++)
		fill_shape(t, shape, at + i * shape->size);
	return rng_one_in(&t->rng, 32) ? bad_pointer(&t->rng) :
					 (unsigned long)at;
}

static __u64 (*const makers[])(struct thread *t, const struct field *field) = {
	[V_VALUE] = value, [V_BELOW] = below, [V_FLAGS] = flags,
	[V_ONE_OF] = one_of, [V_ID] = id, [V_FILE] = file,
	[V_CONTEXT] = context, [V_EVENT] = event, [V_NEW_IOVA] = new_iova,
	[V_NEW_LENGTH] = new_length, [V_ADDRESS] = address, [V_IOVA] = iova,
	[V_LENGTH] = length, [V_LAST] = last, [V_AREA] = area,
	[V_BEHIND] = behind, [V_MAP_IOAS] = map_ioas, [V_MAPPED] = mapped,
	[V_BUFFER] = buffer, [V_ARRAY] = array,
};

/* Little endian */
static void fill_field(struct thread *t, const struct field *field, char *to)
{
	__u64 value;

	if (field->what == V_NAME) {
		strcpy(to + field->at, devices[t->scene.file.device].pci.name);
		return;
	}
	value = makers[field->what](t, field);
	memcpy(to + field->at, &value, field->size);
}

static void fill_shape(struct thread *t, const struct shape *shape, char *to)
{
	int i;

	for (i = 0; i < shape->n; i++)
		fill_field(t, &shape->fields[i], to);
}

int fill(struct thread *t, const struct call *call)
{
	int size = call->shape.size;

	memset(t->arg, 0, ARG_ROOM);
	fill_shape(t, &call->shape, t->arg);
	if (!call->no_size && !call->by_value)
		memcpy(t->arg, &(__u32){ size }, sizeof(__u32));
	return size;
}

static __u64 spoilt(struct rng *rng, __u64 value)
{
	switch (rng_below(rng, 8)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return value + 1;
	case 3:
		return value - 1;
	case 4:
		return ~0ULL >> 1;
	case 5:
		return rng_next(rng);
	case 6:
		return value * 2;
	default:
		return value ^ 1ULL << rng_below(rng, 64);
	}
}

static void spoil_at(struct thread *t, int at, int size)
{
	__u64 value = 0;

	memcpy(&value, t->arg + at, size);
	value = spoilt(&t->rng, value);
	memcpy(t->arg + at, &value, size);
}

static void spoil_size(struct thread *t, int size)
{
	__u32 wrong = size + rng_below(&t->rng, 9) * 4 - 16;

	if (rng_one_in(&t->rng, 8))
		wrong = spoilt(&t->rng, size);
	memcpy(t->arg, &wrong, sizeof(wrong));
	/* What is longer than the kernel knows has to be zero there. */
	if (rng_one_in(&t->rng, 2))
		t->arg[size + rng_below(&t->rng, 16)] = 1;
}

void spoil(struct thread *t, const struct call *call)
{
	const struct shape *shape = &call->shape;
	const struct field *field;

	if (rng_one_in(&t->rng, 6) && !call->no_size) {
		spoil_size(t, shape->size);
	} else if (rng_one_in(&t->rng, 3) || !shape->n) {
		/* Anything, which may be reserved */
		spoil_at(t, rng_below(&t->rng, shape->size / 4) * 4, 4);
	} else {
		field = &shape->fields[rng_below(&t->rng, shape->n)];
		if (field->size <= 8)
			spoil_at(t, field->at, field->size);
	}
}
