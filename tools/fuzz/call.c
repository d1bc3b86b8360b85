// SPDX-License-Identifier: GPL-2.0-only
/*
 * One ioctl.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "thread.h"

static const struct calls *const tables[] = {
	&iommu_calls, &mock_calls, &vfio_calls,
};

int calls_count(void)
{
	int i, n = 0;

	for (i = 0; i < COUNT(tables); i++)
		n += tables[i]->n;
	return n;
}

const struct call *call_of(int nr)
{
	int i;

	for (i = 0; nr >= tables[i]->n; i++)
		nr -= tables[i]->n;
	return &tables[i]->calls[nr];
}

bool call_has_to_work(int nr)
{
	const struct call *call = call_of(nr);

	return !call->optional || !call->optional();
}

/* One that has not worked yet, or -1 */
static int pick_untried(struct rng *rng)
{
	int i, n = 0, found = -1;

	for (i = 0; i < calls_count(); i++)
		if (call_has_to_work(i) && !count_worked(i) &&
		    rng_one_in(rng, ++n))
			found = i;
	return found;
}

int call_pick(struct rng *rng)
{
	unsigned int sum = 0;
	int i, n = calls_count(), found;

	if (rng_one_in(rng, 8)) {
		found = pick_untried(rng);
		if (found >= 0)
			return found;
	}
	for (i = found = 0; i < n; i++) {
		sum += call_of(i)->often;
		if (rng_below(rng, sum) < call_of(i)->often)
			found = i;
	}
	return found;
}

/* The whole of a mapping, a part of it, or everything */
void scene_choose_range(struct thread *t, __u32 ioas)
{
	struct scene *scene = &t->scene;
	__u64 pages, first, n;

	if (!map_pick(scene->life, ioas, &t->rng, &scene->map))
		return;
	pages = scene->map.length / PAGE;
	scene->iova = scene->map.iova;
	scene->length = scene->map.length;
	if (rng_one_in(&t->rng, 64)) {
		scene->iova = 0;
		scene->length = ~0ULL;
	} else if (pages > 1 && rng_one_in(&t->rng, ioas == CONTAINER_IOAS ?
						     4 : 2)) {
		first = rng_below(&t->rng, pages);
		n = 1 + rng_below(&t->rng, pages - first);
		scene->iova += first * PAGE;
		scene->length = n * PAGE;
	}
}

/* Does VFIO know it, and not /dev/iommu alone? */
static bool is_of_vfio(const struct call *call)
{
	return _IOC_NR(call->cmd) < IOMMUFD_CMD_BASE;
}

/* Some calls work with a device however it was opened. */
static enum file_kind choose_kind(struct rng *rng, enum file_kind on)
{
	static const enum file_kind kinds[] = { F_CDEV, F_BOUND, F_DEVICE };

	return on == F_BOUND && rng_one_in(rng, 4) ?
	       kinds[rng_below(rng, COUNT(kinds))] : on;
}

static bool choose_file(struct thread *t, const struct call *call)
{
	enum file_kind kind = choose_kind(&t->rng, call->on);
	struct file *file = &t->scene.file;
	int tries = call->pasids ? 16 : 1;

	while (tries--) {
		if (!file_pick(kind, &t->rng, file))
			return false;
		if (devices[file->device].has_pasids)
			break;
	}
	return true;
}

static int choose_context(struct thread *t, const struct call *call)
{
	if (t->scene.file.context != NO_CONTEXT)
		return t->scene.file.context;
	if (rng_one_in(&t->rng, 16))
		return rng_below(&t->rng, NR_CONTEXTS);
	/* A container of VFIO has more of VFIO's calls. */
	if (is_of_vfio(call) && call->on != F_CDEV && !rng_one_in(&t->rng, 3))
		return NATIVE_CONTEXT;
	return t->nr_context;
}

/* false if there is no such file */
static bool choose_scene(struct thread *t, const struct call *call)
{
	struct scene *scene = &t->scene;

	memset(scene, 0, sizeof(*scene));
	scene->file.context = NO_CONTEXT;
	if (call->on != F_CONTEXT && !choose_file(t, call))
		return false;
	scene->nr_context = choose_context(t, call);
	scene->life = context_enter(scene->nr_context);
	if (call->on == F_CONTEXT)
		scene->file.fd = scene->life.fd;
	scene_choose_range(t, is_of_vfio(call) ? CONTAINER_IOAS : 0);
	return true;
}

static int run(int fd, const struct call *call, unsigned long arg)
{
	int rc = ioctl(fd, call->cmd, arg);

	return rc < 0 ? -errno : rc;
}

/* A child does it, and is gone before anybody sees what came of it. */
static int run_in_child(int fd, const struct call *call, unsigned long arg)
{
	pid_t pid = fork();
	int status, rc;

	if (pid < 0)
		return -errno;
	if (!pid) {
		rc = run(fd, call, arg);
		_exit(rc < 0 ? -rc : 0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static void note_out(struct thread *t, const struct out *out, int rc, bool child)
{
	struct file file = { .device = t->scene.file.device,
			     .context = t->scene.nr_context,
			     .ioas = t->scene.ioas };
	struct object object = { .ioas = t->scene.ioas };
	__u32 value;

	memcpy(&value, t->arg + out->at, sizeof(value));
	file.fd = out->result == OUT_FILE ? (int)value : rc;
	object.id = value;
	if (out->result == OUT_ID && out->type == T_IOAS)
		object.ioas = value;
	if (out->result == OUT_ID)
		id_add(t->scene.life, out->type, &object);
	/* The child's files went with it. */
	else if (out->result != OUT_NONE && !child && file.fd > 2)
		file_add(out->type, &file);
}

static void note_success(struct thread *t, const struct call *call, int rc,
			 bool child)
{
	int i;

	for (i = 0; i < COUNT(call->out); i++)
		note_out(t, &call->out[i], rc, child);
	if (call->done)
		call->done(t, t->arg);
}

/* One of the IDs may be out of date. If it is not, it comes again some day. */
static void note_absence(struct thread *t)
{
	struct scene *scene = &t->scene;

	if (scene->nr_ids && rng_one_in(&t->rng, 8))
		id_drop(scene->life,
			scene->ids[rng_below(&t->rng, scene->nr_ids)]);
}

static void trace_call(struct thread *t, const struct call *call, int size)
{
	char line[600];
	int i, n;

	n = snprintf(line, sizeof(line), "%d: %s(%d", t->nr, call->name,
		     t->scene.file.fd);
	for (i = 0; i < size && i < 128; i += 4)
		n += snprintf(line + n, sizeof(line) - n, " %x",
			      *(__u32 *)(t->arg + i));
	dprintf(STDOUT_FILENO, "%s)\n", line);
}

static bool is_full(struct thread *t, const struct call *call)
{
	int i;

	for (i = 0; i < COUNT(call->out); i++)
		if (call->out[i].result == OUT_ID &&
		    ids_full(t->scene.life, call->out[i].type))
			return !rng_one_in(&t->rng, 16);
	return false;
}

static bool makes(const struct call *call, unsigned int types)
{
	int i;

	for (i = 0; i < COUNT(call->out); i++)
		if (call->out[i].result == OUT_ID &&
		    types >> call->out[i].type & 1)
			return true;
	return false;
}

/* A call that makes an object of one of the types */
static int pick_maker(struct rng *rng, unsigned int types)
{
	int i, n = 0, found = -1;

	/* A device comes with what destroys it. */
	if (types & IDS(DEVICE))
		types |= IDS(STDEV);
	for (i = 0; i < calls_count(); i++)
		if (call_of(i)->on == F_CONTEXT && makes(call_of(i), types) &&
		    rng_one_in(rng, ++n))
			found = i;
	return found;
}

static int find_call(unsigned long cmd)
{
	int i;

	for (i = 0; call_of(i)->cmd != cmd; i++)
		;
	return i;
}

/* The call that makes what a member needs, -1 if there is something already. */
static int maker_for(struct thread *t, const struct field *field)
{
	if (field->what == V_ID && ids_empty(t->scene.life, field->arg))
		return pick_maker(&t->rng, field->arg);
	if (field->what == V_BEHIND && ids_empty(t->scene.life, IDS(BEHIND)))
		return pick_maker(&t->rng, IDS(BEHIND));
	if (field->what == V_IOVA && !t->scene.map.length)
		return find_call(IOMMU_IOAS_MAP);
	return -1;
}

/*
 * What has to be there before this call can be any good: itself, or a call that makes
 * something. There is no circle, as a call depends on what is in front of it in the
 * order of types, but for devices, which can do with an IOAS.
 */
static int first_step(struct thread *t, int nr, int depth)
{
	const struct shape *shape = &call_of(nr)->shape;
	int i, maker;

	for (i = 0; i < shape->n && depth; i++) {
		maker = maker_for(t, &shape->fields[i]);
		if (maker >= 0 && maker != nr)
			return first_step(t, maker, depth - 1);
	}
	return nr;
}

/* There is no file to make a call on. The next step may find one. */
static void open_missing(struct thread *t, enum file_kind kind)
{
	switch (kind) {
	case F_CDEV:
		open_device(t);
		break;
	case F_GROUP:
		open_group(t);
		break;
	case F_BOUND:
		call_run(t, find_call(VFIO_DEVICE_BIND_IOMMUFD));
		break;
	case F_DEVICE:
		call_run(t, find_call(VFIO_GROUP_GET_DEVICE_FD));
		break;
	default:
		break;
	}
}

void call_run(struct thread *t, int nr)
{
	const struct call *call = call_of(nr);
	bool child = rng_one_in(&t->rng, 500);
	unsigned long arg = (unsigned long)t->arg;
	int size, rc;
	long begin;

	if (!choose_scene(t, call)) {
		open_missing(t, call->on);
		return;
	}
	if (is_full(t, call))
		return;
	if (!rng_one_in(&t->rng, 8)) {
		nr = first_step(t, nr, 8);
		call = call_of(nr);
		if (call->on == F_CONTEXT)
			t->scene.file.fd = t->scene.life.fd;
	}
	size = fill(t, call);
	if (rng_one_in(&t->rng, 12))
		spoil(t, call);
	if (call->by_value)
		arg = *(__u32 *)t->arg;
	else if (rng_one_in(&t->rng, 200))
		arg = bad_pointer(&t->rng);
	if (trace)
		trace_call(t, call, size);
	t->doing = call->name;
	begin = clock_ms();
	rc = (child ? run_in_child : run)(t->scene.file.fd, call, arg);
	if (trace)
		dprintf(STDOUT_FILENO, "%d: = %d\n", t->nr, rc);
	count(&t->counts, nr, rc, begin);
	if (rc >= 0)
		note_success(t, call, rc, child);
	else if (rc == -ENOENT)
		note_absence(t);
}
