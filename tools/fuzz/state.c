// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/container.h"
#include "lib/edu.h"
#include "lib/pasid_dev.h"
#include "state.h"

#define MAX_FILES	12

struct context contexts[NR_CONTEXTS] = {
	[0 ... NR_CONTEXTS - 1] = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.fd = -1,
	},
};

static struct {
	pthread_mutex_t lock;
	int n[NR_KINDS];
	struct file files[NR_KINDS][MAX_FILES];
} open_files = { .lock = PTHREAD_MUTEX_INITIALIZER };

void file_add(enum file_kind kind, const struct file *file)
{
	struct file *files = open_files.files[kind], *at;
	static unsigned int next;
	int old = -1;

	pthread_mutex_lock(&open_files.lock);
	if (open_files.n[kind] == MAX_FILES) {
		at = &files[next++ % MAX_FILES];
		old = at->fd;
	} else {
		at = &files[open_files.n[kind]++];
	}
	*at = *file;
	pthread_mutex_unlock(&open_files.lock);
	if (old >= 0)
		close(old);
}

static bool find_file(enum file_kind kind, struct rng *rng, struct file *file,
		      bool take)
{
	struct file *files = open_files.files[kind];
	int n, i;

	pthread_mutex_lock(&open_files.lock);
	n = open_files.n[kind];
	if (n) {
		i = rng_below(rng, n);
		*file = files[i];
		if (take)
			files[i] = files[--open_files.n[kind]];
	}
	pthread_mutex_unlock(&open_files.lock);
	return n;
}

bool file_pick(enum file_kind kind, struct rng *rng, struct file *file)
{
	return find_file(kind, rng, file, false);
}

bool file_take(enum file_kind kind, struct rng *rng, struct file *file)
{
	return find_file(kind, rng, file, true);
}

int file_count(enum file_kind kind)
{
	return __atomic_load_n(&open_files.n[kind], __ATOMIC_RELAXED);
}

void file_bind(int fd, int context)
{
	struct file *files = open_files.files[F_CDEV], bound = { .fd = -1 };
	int i;

	pthread_mutex_lock(&open_files.lock);
	for (i = 0; i < open_files.n[F_CDEV] && files[i].fd != fd; i++)
		;
	if (i < open_files.n[F_CDEV]) {
		bound = files[i];
		files[i] = files[--open_files.n[F_CDEV]];
	}
	pthread_mutex_unlock(&open_files.lock);
	bound.context = context;
	if (bound.fd >= 0)
		file_add(F_BOUND, &bound);
}

struct life context_enter(int nr)
{
	struct context *context = &contexts[nr];
	struct life life;

	pthread_mutex_lock(&context->lock);
	if (context->fd < 0) {
		context->fd = container_open(nr == NATIVE_CONTEXT ?
					     NATIVE_NODE : COMPAT_NODE);
		context->life++;
	}
	life = (struct life){ context, context->life, context->fd };
	pthread_mutex_unlock(&context->lock);
	return life;
}

void context_leave(int nr)
{
	struct context *context = &contexts[nr];
	int i, fd;

	pthread_mutex_lock(&context->lock);
	fd = context->fd;
	context->fd = -1;
	context->nr_maps = 0;
	for (i = 0; i < NR_TYPES; i++)
		context->nr_objects[i] = 0;
	pthread_mutex_unlock(&context->lock);
	if (fd >= 0)
		close(fd);
}

/* With the lock, if what is known is still about this life of the context */
static bool enter(struct life life)
{
	pthread_mutex_lock(&life.context->lock);
	if (life.context->life == life.life && life.context->fd >= 0)
		return true;
	pthread_mutex_unlock(&life.context->lock);
	return false;
}

static void leave(struct life life)
{
	pthread_mutex_unlock(&life.context->lock);
}

/* One of the types that have objects */
static int pick_type(struct context *context, unsigned int types,
		     struct rng *rng)
{
	int type, n = 0, found = -1;

	for (type = 0; type < NR_TYPES; type++)
		if (types >> type & 1 && context->nr_objects[type] &&
		    rng_one_in(rng, ++n))
			found = type;
	return found;
}

bool id_pick(struct life life, unsigned int types, struct rng *rng,
	     struct object *object)
{
	struct context *context = life.context;
	int type;

	if (!enter(life))
		return false;
	type = pick_type(context, types, rng);
	if (type >= 0)
		*object = context->objects[type]
			[rng_below(rng, context->nr_objects[type])];
	leave(life);
	return type >= 0;
}

/* Few of what others are built on, so that the parts fit each other */
static const int most_objects[NR_TYPES] = {
	[T_IOAS] = 3, [T_PAGING] = 4, [T_DIRTY] = 3, [T_PARENT] = 3,
	[T_FAULTING] = 4, [T_PASID] = 4, [T_REAL_PASID] = 3,
	[T_NESTED] = 4, [T_VNESTED] = 4, [T_REAL] = 4,
	[T_DEVICE] = MAX_IDS, [T_STDEV] = 3, [T_PASID_STDEV] = 3,
	[T_BEHIND] = MAX_IDS + 1,
	[T_FAULT] = 3, [T_VIOMMU] = 2, [T_VDEVICE] = 4, [T_VEVENTQ] = 4,
	[T_QUEUE] = 4,
};

static int count_objects(struct life life, int type)
{
	return __atomic_load_n(&life.context->nr_objects[type],
			       __ATOMIC_RELAXED);
}

__u32 id_of_device(struct life life, __u32 stdev)
{
	const struct context *context = life.context;
	__u32 id = 0;
	int i;

	if (!enter(life))
		return 0;
	for (i = 0; i < context->nr_objects[T_DEVICE]; i++)
		if (context->objects[T_DEVICE][i].goes_with == stdev)
			id = context->objects[T_DEVICE][i].id;
	leave(life);
	return id;
}

bool ids_full(struct life life, enum type type)
{
	return count_objects(life, type) >= most_objects[type];
}

bool ids_empty(struct life life, unsigned int types)
{
	int type;

	for (type = 0; type < NR_TYPES; type++)
		if (types >> type & 1 && count_objects(life, type))
			return false;
	return true;
}

void id_add(struct life life, enum type type, const struct object *object)
{
	struct context *context = life.context;
	struct object *objects = context->objects[type];
	int *n = &context->nr_objects[type], i;

	if (!object->id || !enter(life))
		return;
	for (i = 0; i < *n && objects[i].id != object->id; i++)
		;
	if (i < MAX_IDS)
		objects[i] = *object;
	if (i == *n && i < MAX_IDS)
		(*n)++;
	leave(life);
}

void id_drop(struct life life, __u32 id)
{
	struct context *context = life.context;
	struct object *objects;
	int type, i;

	if (!id || !enter(life))
		return;
	for (type = 0; type < NR_TYPES; type++) {
		objects = context->objects[type];
		for (i = context->nr_objects[type] - 1; i >= 0; i--)
			if (objects[i].id == id || objects[i].goes_with == id)
				objects[i] =
				  objects[--context->nr_objects[type]];
	}
	leave(life);
}

bool map_pick(struct life life, __u32 ioas, struct rng *rng,
	      struct mapping *map)
{
	struct context *context = life.context;
	int i, n = 0;

	if (!enter(life))
		return false;
	for (i = 0; i < context->nr_maps; i++)
		if ((!ioas || context->maps[i].ioas == ioas) &&
		    rng_one_in(rng, ++n))
			*map = context->maps[i];
	leave(life);
	return n;
}

void map_add(struct life life, const struct mapping *map)
{
	struct context *context = life.context;

	if (!enter(life))
		return;
	/* If it has to be, another one is forgotten. */
	context->maps[context->nr_maps % MAX_MAPS] = *map;
	if (context->nr_maps < MAX_MAPS)
		context->nr_maps++;
	leave(life);
}

static bool is_in(const struct mapping *map, const struct mapping *range)
{
	return (!range->ioas || map->ioas == range->ioas) &&
	       map->iova >= range->iova &&
	       map->iova - range->iova < range->length;
}

void map_drop(struct life life, const struct mapping *range)
{
	struct context *context = life.context;
	int i;

	if (!enter(life))
		return;
	for (i = context->nr_maps - 1; i >= 0; i--)
		if (is_in(&context->maps[i], range))
			context->maps[i] = context->maps[--context->nr_maps];
	leave(life);
}

struct device devices[MAX_DEVICES];
int nr_devices;

static void find_pci(__u16 vendor, __u16 device, bool is_edu)
{
	struct pci_address found[MAX_DEVICES];
	int i, n = pci_find(vendor, device, found, MAX_DEVICES);

	for (i = 0; i < n && i < MAX_DEVICES; i++)
		if (nr_devices < MAX_DEVICES && !pci_group_in_use(&found[i]))
			devices[nr_devices++] = (struct device){
				.is_edu = is_edu, .has_pasids = !is_edu,
				.pci = found[i] };
}

bool without_pasids(void)
{
	int i;

	for (i = 0; i < nr_devices; i++)
		if (devices[i].has_pasids)
			return false;
	return true;
}

void devices_find(void)
{
	struct device engine = { .is_engine = true };

	find_pci(EDU_VENDOR, EDU_DEVICE, true);
	find_pci(PASID_DEV_VENDOR, PASID_DEV_DEVICE, false);
	if (nr_devices < MAX_DEVICES &&
	    !mdev_create(&engine.mdev, MDEV_COPYENGINE))
		devices[nr_devices++] = engine;
}

void devices_remove(void)
{
	int i;

	for (i = 0; i < nr_devices; i++)
		if (devices[i].is_engine)
			must(mdev_remove(&devices[i].mdev));
}

int device_open(int nr)
{
	return devices[nr].is_engine ? mdev_open(&devices[nr].mdev) :
				       vfio_open(&devices[nr].pci);
}

int device_open_group(int nr)
{
	return devices[nr].is_engine ? -ENODEV : group_open(&devices[nr].pci);
}

void state_close(void)
{
	struct rng rng = { 0 };
	struct file file;
	int i;

	for (i = 0; i < NR_KINDS; i++)
		while (file_take(i, &rng, &file))
			close(file.fd);
	for (i = 0; i < NR_CONTEXTS; i++)
		context_leave(i);
}
