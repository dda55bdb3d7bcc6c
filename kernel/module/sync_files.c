// SPDX-License-Identifier: MIT OR GPL-2.0
/* Sync files: made, merged, asked and closed by the program; and the bridge between them and reservation objects. */
#include <linux/dma-fence-unwrap.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sync_file.h>
#include <uapi/linux/dma-buf.h>
#include <uapi/linux/sync_file.h>
#include "requests.h"

#define RECORDS 24

struct sync_slot {
	bool open;
	bool used;
	int number;
	/* The stub's name here, if that is its fence. */
	int stub;
};

static struct sync_slot files[SYNC_FILES];

static struct sync_slot *slot_at(s64 slot)
{
	return slot >= 0 && slot < SYNC_FILES ? &files[slot] : NULL;
}

bool sync_files_have(int number)
{
	int at;

	for (at = 0; at < SYNC_FILES; at++)
		if (files[at].open && files[at].number == number)
			return true;
	return false;
}

static struct sync_slot *open_at(s64 slot)
{
	struct sync_slot *found = slot_at(slot);

	return found && found->open ? found : NULL;
}

/* A number that was closed may stand for something else by now. */
static int number_of(s64 sync_file, s64 descriptor)
{
	struct sync_slot *found = slot_at(sync_file);

	if (!found)
		return descriptor < 0 ? -1 : descriptor_number(descriptor);
	return !found->open && (sync_files_have(found->number) || descriptors_have(found->number)) ? -1 : found->number;
}

/* The answer of who makes a sync file: its fence, and what the fence consists of where it is fresh. */
static void answer(struct sync_slot *slot, int number, int known)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *fence, *member;
	bool fresh, closes, array;
	int id;

	slot->open = true;
	slot->used = true;
	slot->number = number;
	fence = sync_file_get_fence(number);
	if (!fence) {
		record('r', " %d", EBADF);
		return;
	}
	rcu_read_lock();
	closes = close_on_exec(number, current->files);
	rcu_read_unlock();
	slot->stub = fence_stub(fence);
	id = fence_id_or_new(fence);
	fresh = id >= known;
	array = fresh && dma_fence_is_container(fence);
	record_begin('r');
	record_more(" 0 %d %llu %llu %d %d %lld", id, fence->context, fence->seqno, number, closes,
		    fresh && !array ? ktime_to_ns(dma_fence_timestamp(fence)) : -1LL);
	if (array)
		dma_fence_unwrap_for_each(member, &cursor, fence)
			record_more(" %d", fence_id_or_new(member));
	record_end();
	dma_fence_put(fence);
}

/* buffer, sync file, flags, pointer faults */
static void export_sync_file(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	struct sync_slot *slot = slot_at(arg[1]);
	struct dma_buf_export_sync_file data = { .flags = arg[2], .fd = -1 };
	int known = fences_known();
	long result;

	if (!buffer || !slot || slot->used)
		return skip("buffer");
	call();
	result = request(actor, buffer->buf->file, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &data, sizeof(data), arg[3]);
	if (result)
		ret(-result);
	else
		answer(slot, data.fd, known);
}

/* The core is about to give up the lock that it has taken for an import: what is in the list now is what it did. */
void sync_files_imported(struct actor *actor, struct reservation *lock)
{
	struct dma_fence_unwrap position;
	struct dma_fence *fence, *member;
	struct dma_resv_iter cursor;
	int members = 0;

	dma_fence_unwrap_for_each(member, &position, actor->imports)
		members++;
	record('n', " reserveFences %d %d", reservation_slot(lock), members);
	record('m', "%s", "");
	dma_fence_unwrap_for_each(member, &position, actor->imports)
		dma_resv_for_each_fence(&cursor, lock->resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
			if (fence != member)
				continue;
			record('n', " addFence %d %d %d", reservation_slot(lock), fence_id_or_new(fence),
			       actor->import_usage);
			record('m', "%s", "");
			break;
		}
}

/* buffer, sync file or -1, another descriptor or -1, flags, pointer faults */
static void import_sync_file(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	struct dma_buf_import_sync_file data = { .flags = arg[3] };
	struct dma_fence *imported;
	long result;

	if (!buffer)
		return skip("buffer");
	data.fd = number_of(arg[1], arg[2]);
	if (data.fd < 0 && (arg[1] >= 0 || arg[2] >= 0))
		return skip("descriptor");
	call();
	imported = sync_file_get_fence(data.fd);
	actor->imports = imported;
	actor->import_usage = data.flags & DMA_BUF_SYNC_WRITE ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ;
	result = request(actor, buffer->buf->file, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &data, sizeof(data), arg[4]);
	actor->imports = NULL;
	ret(-result);
	if (imported)
		dma_fence_put(imported);
}

/* fence, sync file */
static void create_sync_file(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);
	struct sync_slot *slot = slot_at(arg[1]);
	struct sync_file *file;
	int number;

	if (!fence || !slot || slot->used)
		return skip("fence");
	call();
	number = get_unused_fd_flags(O_CLOEXEC);
	file = number < 0 ? NULL : sync_file_create(fence);
	if (!file) {
		if (number >= 0)
			put_unused_fd(number);
		record('r', " %d -1 0", number < 0 ? -number : ENOMEM);
		return;
	}
	fd_install(number, file->file);
	slot->open = true;
	slot->used = true;
	slot->number = number;
	slot->stub = -1;
	record('r', " 0 %d 1", number);
}

/* first, second or -1, another descriptor or -1, sync file, flags, pad */
static void merge_sync_files(struct actor *actor, const s64 *arg, int count)
{
	struct sync_slot *first = open_at(arg[0]), *slot = slot_at(arg[3]);
	struct sync_merge_data data = { .name = "merged", .flags = arg[4], .pad = arg[5] };
	int known = fences_known();
	struct file *file;
	long result;

	if (!first || !slot || slot->used)
		return skip("sync file");
	data.fd2 = number_of(arg[1], arg[2]);
	if (data.fd2 < 0 && (arg[1] >= 0 || arg[2] >= 0))
		return skip("descriptor");
	file = fget(first->number);
	if (!file)
		return skip("file");
	call();
	result = request(actor, file, SYNC_IOC_MERGE, &data, sizeof(data), false);
	if (result)
		ret(-result);
	else
		answer(slot, data.fence, known);
	__fput_sync(file);
}

/* The fence of a file, held; and its file, held. */
static struct file *file_of(s64 slot, struct dma_fence **fence)
{
	struct sync_slot *found = open_at(slot);

	if (fence)
		*fence = found ? sync_file_get_fence(found->number) : NULL;
	return found ? fget(found->number) : NULL;
}

/* Without being seen: what the file had before it has now. */
static void let_go(struct file *file, struct dma_fence *fence)
{
	if (fence)
		dma_fence_put(fence);
	__fput_sync(file);
}

/* sync file, room for so many records, flags, pad */
static void sync_file_info_op(struct actor *actor, const s64 *arg, int count)
{
	struct sync_file_info data = { .num_fences = arg[1], .flags = arg[2], .pad = arg[3] };
	struct sync_fence_info *records = NULL;
	struct dma_fence_unwrap cursor;
	struct dma_fence *fence, *member;
	struct file *file = file_of(arg[0], &fence);
	long result;
	int at = 0;

	if (!file || arg[1] > RECORDS)
		return skip("sync file");
	records = kcalloc(RECORDS, sizeof(*records), GFP_KERNEL);
	if (!records)
		return skip("memory");
	data.sync_fence_info = request_room(actor);
	call();
	result = request(actor, file, SYNC_IOC_FILE_INFO, &data, sizeof(data), false);
	if (!result && arg[1])
		result = -request_read(actor, records, min_t(u32, data.num_fences, RECORDS) * sizeof(*records));
	record_begin('r');
	if (result) {
		record_more(" %ld", -result);
	} else {
		record_more(" 0 %u %d", data.num_fences, data.status);
		if (arg[1])
			dma_fence_unwrap_for_each(member, &cursor, fence) {
				int id = files[arg[0]].stub;

				record_more(" %d %d", id >= 0 ? id : fence_id_or_new(member),
					    at < RECORDS ? records[at].status : 0);
				at++;
			}
	}
	record_end();
	kfree(records);
	let_go(file, fence);
}

/* sync file, deadline, pad */
static void sync_file_deadline(struct actor *actor, const s64 *arg, int count)
{
	struct sync_set_deadline data = { .deadline_ns = arg[1], .pad = arg[2] };
	struct file *file = file_of(arg[0], NULL);

	if (!file)
		return skip("sync file");
	call();
	ret(-request(actor, file, SYNC_IOC_SET_DEADLINE, &data, sizeof(data), false));
	let_go(file, NULL);
}

/* sync file, a number that is no request */
static void sync_file_ioctl_op(struct actor *actor, const s64 *arg, int count)
{
	struct file *file = file_of(arg[0], NULL);

	if (!file)
		return skip("sync file");
	call();
	ret(-request(actor, file, arg[1], NULL, 0, true));
	let_go(file, NULL);
}

static void tell_poll(__poll_t ready)
{
	record('r', " 0 %d", !!ready);
}

/* sync file, sleeps */
static void poll_sync_file(struct actor *actor, const s64 *arg, int count)
{
	struct file *file = file_of(arg[0], NULL);

	if (!file)
		return skip("sync file");
	poll_file(actor, file, EPOLLIN, arg[1], tell_poll);
	let_go(file, NULL);
}

static void close_sync_file(struct actor *actor, const s64 *arg, int count)
{
	struct sync_slot *slot = open_at(arg[0]);
	struct file *file;

	if (!slot)
		return skip("sync file");
	call();
	slot->open = false;
	file = fget(slot->number);
	close_fd(slot->number);
	/* The file ends here, as it does where a user's task leaves the system call. */
	if (file)
		__fput_sync(file);
	if (slot->stub >= 0)
		fence_stub_gone(slot->stub);
	ret(0);
}

const struct operation sync_file_operations[] = {
	{ "exportSyncFile", 4, export_sync_file },
	{ "importSyncFile", 5, import_sync_file },
	{ "createSyncFile", 2, create_sync_file },
	{ "mergeSyncFiles", 6, merge_sync_files },
	{ "syncFileInfo", 4, sync_file_info_op },
	{ "syncFileDeadline", 3, sync_file_deadline },
	{ "syncFileIoctl", 2, sync_file_ioctl_op },
	{ "pollSyncFile", 2, poll_sync_file },
	{ "closeSyncFile", 1, close_sync_file },
	{ }
};

/* Runs in a thread of a task, as descriptors belong to those; nothing of it is recorded. */
void sync_files_clear(void)
{
	int at;

	for (at = 0; at < SYNC_FILES; at++)
		if (files[at].open)
			close_fd(files[at].number);
	memset(files, 0, sizeof(files));
}
