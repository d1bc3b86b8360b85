// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues that user space reads through a file of their own: what their files have
 * in common. The kinds are in fault.c and veventq.c.
 *
 * Happy path: a handler prepares the file, the ids reach the user, the file is
 * opened and from then on keeps the object and the context.
 *
 * Unhappy path: the file was never open; it goes without a trace.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>

#include "iommufd_private.h"

static ssize_t eventq_read(struct file *file, char __user *buf, size_t count,
			   loff_t *pos)
{
	struct iommufd_eventq *eventq = file->private_data;

	if (*pos)
		return -ESPIPE;
	return eventq->ops->read(eventq, buf, count);
}

static ssize_t eventq_write(struct file *file, const char __user *buf,
			    size_t count, loff_t *pos)
{
	struct iommufd_eventq *eventq = file->private_data;

	if (!eventq->ops->write)
		return -EINVAL;
	if (*pos)
		return -ESPIPE;
	return eventq->ops->write(eventq, buf, count);
}

static __poll_t eventq_poll(struct file *file, poll_table *wait)
{
	struct iommufd_eventq *eventq = file->private_data;
	__poll_t ready = 0;

	poll_wait(file, eventq->readers, wait);
	if (eventq->ops->write)
		ready |= EPOLLOUT;
	if (eventq->ops->pending(eventq))
		ready |= EPOLLIN | EPOLLRDNORM;
	return ready;
}

static int eventq_release(struct inode *inode, struct file *file)
{
	struct iommufd_eventq *eventq = file->private_data;
	struct iommufd_ctx *ictx;

	/* It was never open. */
	if (!eventq)
		return 0;
	ictx = eventq->ictx;
	iommufd_object_unkeep(&eventq->obj);
	fput(ictx->file);
	return 0;
}

static const struct file_operations eventq_fops = {
	.owner = THIS_MODULE,
	.read = eventq_read,
	.write = eventq_write,
	.poll = eventq_poll,
	.release = eventq_release,
};

/**
 * iommufd_eventq_prepare() - make a file for a new queue
 * @ucmd: the call that makes @eventq; receives file and descriptor
 * @eventq: its object is &iommufd_ucmd.new_obj
 *
 * The dispatcher goes on with iommufd_eventq_publish() or
 * iommufd_eventq_abort().
 *
 * Return: 0, -EMFILE, -ENOMEM or another error of making a file.
 */
int iommufd_eventq_prepare(struct iommufd_ucmd *ucmd,
			   struct iommufd_eventq *eventq)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile(eventq->ops->name, &eventq_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	ucmd->new_file = file;
	ucmd->new_fd = fd;
	return 0;
}

/**
 * iommufd_eventq_publish() - open the file of a new queue
 * @ucmd: its object is not published yet
 */
void iommufd_eventq_publish(struct iommufd_ucmd *ucmd)
{
	struct iommufd_eventq *eventq =
		container_of(ucmd->new_obj, struct iommufd_eventq, obj);

	iommufd_object_keep(&eventq->obj);
	get_file(ucmd->ictx->file);
	ucmd->new_file->private_data = eventq;
	fd_install(ucmd->new_fd, ucmd->new_file);
}

/**
 * iommufd_eventq_abort() - undo iommufd_eventq_prepare()
 * @ucmd: the call, which failed
 */
void iommufd_eventq_abort(struct iommufd_ucmd *ucmd)
{
	put_unused_fd(ucmd->new_fd);
	fput(ucmd->new_file);
}
