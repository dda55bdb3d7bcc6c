// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * What a user asks of a buffer's descriptor. The threads of tasks have no user memory of their own: each borrows a page
 * of the process that writes programs.
 */
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/path.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-buf.h>
#include "requests.h"

static struct mm_struct *user;
static struct file *user_file;
static unsigned long user_pages;
static struct path user_root;

struct mm_struct *requests_user(void)
{
	return user;
}

struct file *requests_file(void)
{
	return user_file;
}

struct file *requests_open(const char *path)
{
	return file_open_root(&user_root, path, O_RDWR | O_CLOEXEC, 0);
}

struct lockdep_map *requests_lock(void)
{
	return user ? &user->mmap_lock.dep_map : NULL;
}

int requests_quietly(struct actor *actor, int (*look)(struct mm_struct *user, unsigned long address),
		     unsigned long address)
{
	int result;

	actor->quiet = true;
	result = look(user, address);
	actor->quiet = false;
	return result;
}

/* Called by the process itself, before its first program. */
int requests_prepare(struct file *device)
{
	unsigned long address;

	if (user)
		return 0;
	address = vm_mmap(NULL, 0, ACTORS * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (IS_ERR_VALUE(address))
		return (int)address;
	/* All pages are there before anybody uses them: a fault would be none of the core's. */
	if (clear_user((void __user *)address, ACTORS * PAGE_SIZE))
		return -EFAULT;
	user = current->mm;
	user_file = device;
	get_fs_root(current->fs, &user_root);
	mmgrab(user);
	user_pages = address;
	return 0;
}

void requests_exit(void)
{
	if (user)
		mmdrop(user);
	path_put(&user_root);
}

/* Hands in a pointer to a copy of the data, or one that faults, and copies back what became of it. */
long request(struct actor *actor, struct file *file, unsigned int command, void *data, size_t size, bool faults)
{
	bool locked = reservations_held(actor);
	void __user *place = faults ? NULL : (void __user *)(user_pages + actor->id * PAGE_SIZE);
	long result = -EFAULT;

	kthread_use_mm(user);
	/* No user holds a reservation lock. A program may; then only what is asked for is looked at, not how it is read. */
	if (locked)
		pagefault_disable();
	if (!faults && copy_to_user(place, data, size))
		goto out;
	result = file->f_op->unlocked_ioctl(file, command, (unsigned long)place);
	if (!faults && copy_from_user(data, place, size))
		result = -EFAULT;
out:
	if (locked)
		pagefault_enable();
	kthread_unuse_mm(user);
	return result;
}

/* The address that data of a request may point to: the second half of the task's page. */
u64 request_room(struct actor *actor)
{
	return user_pages + actor->id * PAGE_SIZE + PAGE_SIZE / 2;
}

int request_read(struct actor *actor, void *data, size_t size)
{
	int errno = 0;

	kthread_use_mm(user);
	if (copy_from_user(data, (void __user *)request_room(actor), size))
		errno = EFAULT;
	kthread_unuse_mm(user);
	return errno;
}

#define CHARACTERS 6

/* buffer, length or -1 for a pointer that faults, six characters a number */
static void set_name(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	char name[CHARACTERS * ARGUMENTS] = "";
	int at;

	if (!buffer || arg[1] >= (s64)sizeof(name) || arg[1] > CHARACTERS * (count - 2))
		return skip("buffer");
	for (at = 0; at < arg[1]; at++)
		name[at] = arg[2 + at / CHARACTERS] >> (8 * (at % CHARACTERS));
	call();
	ret(-request(actor, buffer->buf->file, DMA_BUF_SET_NAME_B, name, sizeof(name), arg[1] < 0));
}

static void get_name(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	char name[DMA_BUF_NAME_LEN] = "";
	int at, place;

	if (!buffer)
		return skip("buffer");
	call();
	spin_lock(&buffer->buf->name_lock);
	if (buffer->buf->name)
		strscpy(name, buffer->buf->name, sizeof(name));
	spin_unlock(&buffer->buf->name_lock);
	record_begin('r');
	record_more(" 0");
	for (at = 0; name[at]; at = place) {
		u64 packed = 0;

		for (place = at; name[place] && place < at + CHARACTERS; place++)
			packed |= (u64)(u8)name[place] << (8 * (place - at));
		record_more(" %llu", packed);
	}
	record_end();
}

static void begin_cpu(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	int errno;

	if (!buffer)
		return skip("buffer");
	actor->slept = false;
	call();
	errno = -dma_buf_begin_cpu_access(buffer->buf, arg[1]);
	ret(errno);
	if (errno == ERESTARTSYS && actor->slept)
		flush_signals(current);
}

static void end_cpu(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);

	if (!buffer)
		return skip("buffer");
	call();
	ret(-dma_buf_end_cpu_access(buffer->buf, arg[1]));
}

/* buffer, flags, pointer faults */
static void ioctl_sync(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	struct dma_buf_sync sync = { .flags = arg[1] };
	int errno;

	if (!buffer)
		return skip("buffer");
	actor->slept = false;
	call();
	errno = -request(actor, buffer->buf->file, DMA_BUF_IOCTL_SYNC, &sync, sizeof(sync), arg[2]);
	ret(errno);
	if (errno == ERESTARTSYS && actor->slept)
		flush_signals(current);
}

/* buffer, a number that is no request */
static void ioctl_op(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);

	if (!buffer)
		return skip("buffer");
	call();
	ret(-request(actor, buffer->buf->file, arg[1], NULL, 0, true));
}

static void tell_poll(__poll_t ready)
{
	record('r', " 0 %d %d", !!(ready & EPOLLIN), !!(ready & EPOLLOUT));
}

/* buffer, input, output, sleeps */
static void poll_op(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	__poll_t wanted = (arg[1] ? EPOLLIN : 0) | (arg[2] ? EPOLLOUT : 0);

	if (!buffer)
		return skip("buffer");
	poll_file(actor, buffer->buf->file, wanted, arg[3] && wanted, tell_poll);
}

const struct operation request_operations[] = {
	{ "setName", 2, set_name },
	{ "getName", 1, get_name },
	{ "beginCpu", 2, begin_cpu },
	{ "endCpu", 2, end_cpu },
	{ "ioctlSync", 3, ioctl_sync },
	{ "ioctl", 2, ioctl_op },
	{ "poll", 4, poll_op },
	{ }
};
