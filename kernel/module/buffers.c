// SPDX-License-Identifier: MIT OR GPL-2.0
/* Buffers, attachments and mappings: the program's calls as importer and exporter. The exporter's hooks are in exporter.c. */
#include <linux/fdtable.h>
#include <linux/fs.h>
#include "requests.h"

struct buffer buffers[BUFFERS];
struct attachment attachments[ATTACHMENTS];
struct mapping mappings[MAPPINGS];
static struct descriptor descriptors[DESCRIPTORS];
static struct device *devices[DEVICES];
static int stamps;

struct buffer *buffer_at(s64 slot)
{
	struct buffer *found = slot >= 0 && slot < BUFFERS ? &buffers[slot] : NULL;

	return found && found->buf && !found->released ? found : NULL;
}

static struct attachment *attachment_at(s64 slot)
{
	struct attachment *found = slot >= 0 && slot < ATTACHMENTS ? &attachments[slot] : NULL;

	return found && found->attach ? found : NULL;
}

static struct mapping *mapping_at(s64 slot)
{
	struct mapping *found = slot >= 0 && slot < MAPPINGS ? &mappings[slot] : NULL;

	return found && found->table ? found : NULL;
}

/* The slot of an attachment. One that is being made is first seen by the task that makes it. */
int attachment_slot(struct dma_buf_attachment *attach)
{
	struct actor *actor = this_actor();
	int slot;

	for (slot = 0; slot < ATTACHMENTS; slot++)
		if (attachments[slot].attach == attach)
			return slot;
	for (slot = 0; slot < ATTACHMENTS; slot++)
		if (attachments[slot].being_made && attachments[slot].maker == actor) {
			attachments[slot].being_made = false;
			attachments[slot].attach = attach;
			return slot;
		}
	return -1;
}


static bool holds(struct actor *actor, struct dma_buf *buf)
{
	return reservation_held(actor, reservation_of(buf->resv));
}

/* buffer, shared reservation or -1, size, items left out, dynamic, caching, its place among the buffers of the set-up */
static void export_buffer(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = arg[0] >= 0 && arg[0] < BUFFERS ? &buffers[arg[0]] : NULL;
	struct reservation *shared = arg[1] < 0 ? NULL : reservation_at(arg[1]);
	struct dma_buf *buf;

	if (!buffer || buffer->buf || (arg[1] >= 0 && !shared))
		return skip("buffer");
	call();
	buf = exporter_export(buffer, shared, arg[2], arg[3], arg[4], arg[5]);
	if (IS_ERR(buf)) {
		ret(-PTR_ERR(buf));
		return;
	}
	buffer->buf = buf;
	buffer->refs = 1;
	if (!shared) {
		struct reservation *own = &reservations[BUFFERS / 2 + arg[0]];

		own->resv = buf->resv;
		own->owner = -1;
		own->acquire = -1;
	}
	ret(0);
}

static void export_fd(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	struct descriptor *descriptor = arg[1] >= 0 && arg[1] < DESCRIPTORS ? &descriptors[arg[1]] : NULL;
	int number;

	if (!buffer || !buffer->refs || !descriptor || descriptor->open)
		return skip("buffer");
	call();
	number = dma_buf_fd(buffer->buf, arg[2] ? O_CLOEXEC : 0);
	if (number < 0) {
		record('r', " %d -1 %lld", -number, arg[2]);
		return;
	}
	buffer->refs--;
	descriptor->open = true;
	descriptor->number = number;
	descriptor->buffer = arg[0];
	rcu_read_lock();
	descriptor->close_on_exec = close_on_exec(number, current->files);
	rcu_read_unlock();
	record('r', " 0 %d %d", number, descriptor->close_on_exec);
}

bool descriptors_have(int number)
{
	int slot;

	for (slot = 0; slot < DESCRIPTORS; slot++)
		if (descriptors[slot].open && descriptors[slot].number == number)
			return true;
	return false;
}

/* A number that was closed may stand for something else by now. */
static bool reused(const struct descriptor *descriptor)
{
	return descriptors_have(descriptor->number) || sync_files_have(descriptor->number);
}

int descriptor_number(s64 slot)
{
	struct descriptor *descriptor = slot >= 0 && slot < DESCRIPTORS ? &descriptors[slot] : NULL;

	return !descriptor || (!descriptor->open && reused(descriptor)) ? -1 : descriptor->number;
}

/* buffer, descriptor, close on exec: the exporter does it for a user */
static void request_fd(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	struct descriptor *descriptor = arg[1] >= 0 && arg[1] < DESCRIPTORS ? &descriptors[arg[1]] : NULL;

	if (!buffer || !buffer->refs || !descriptor || descriptor->open)
		return skip("buffer");
	call();
	record('n', " exportFd 0");
	buffer->refs--;
	descriptor->number = dma_buf_fd(buffer->buf, arg[2] ? O_CLOEXEC : 0);
	descriptor->open = descriptor->number >= 0;
	descriptor->buffer = arg[0];
	if (!descriptor->open) {
		record('m', " %d -1 %lld", -descriptor->number, arg[2]);
		dma_buf_put(buffer->buf);
		ret(-descriptor->number);
		return;
	}
	rcu_read_lock();
	descriptor->close_on_exec = close_on_exec(descriptor->number, current->files);
	rcu_read_unlock();
	record('m', " 0 %d %d", descriptor->number, descriptor->close_on_exec);
	ret(0);
}

static void close_op(struct actor *actor, const s64 *arg, int count)
{
	struct descriptor *descriptor = arg[0] >= 0 && arg[0] < DESCRIPTORS ? &descriptors[arg[0]] : NULL;

	if (!descriptor || (!descriptor->open && reused(descriptor)))
		return skip("descriptor");
	call();
	descriptor->open = false;
	ret(-close_fd(descriptor->number));
}

static void get(struct actor *actor, const s64 *arg, int count)
{
	struct descriptor *descriptor = arg[0] >= 0 && arg[0] < DESCRIPTORS ? &descriptors[arg[0]] : NULL;
	struct dma_buf *buf;

	if (!descriptor || (!descriptor->open && reused(descriptor)))
		return skip("descriptor");
	call();
	buf = dma_buf_get(descriptor->number);
	if (IS_ERR(buf)) {
		record('r', " %ld -1", -PTR_ERR(buf));
		return;
	}
	buffers[descriptor->buffer].refs++;
	record('r', " 0 %d", descriptor->buffer);
}

static void get_ref(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);

	if (!buffer)
		return skip("buffer");
	call();
	get_dma_buf(buffer->buf);
	buffer->refs++;
	ret(0);
}

static void put(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);

	if (!buffer || !buffer->refs)
		return skip("buffer");
	call();
	buffer->refs--;
	dma_buf_put(buffer->buf);
	ret(0);
}

static void invalidate(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);

	if (!buffer || !holds(actor, buffer->buf))
		return skip("not held");
	call();
	invalidate_buffer(buffer->buf);
	ret(0);
}

static void seek(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);
	loff_t result;

	if (!buffer)
		return skip("buffer");
	call();
	result = vfs_llseek(buffer->buf->file, arg[1], arg[2]);
	record('r', " %lld %lld", result < 0 ? -result : 0, result);
}

/* buffer or -1, attachment, device or -1, ops (0 static, 1 without callback, 2 with), allows peer to peer, policy */
static void attach_op(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = arg[0] < 0 ? NULL : buffer_at(arg[0]);
	struct attachment *attachment = arg[1] >= 0 && arg[1] < ATTACHMENTS ? &attachments[arg[1]] : NULL;
	struct device *device = arg[2] >= 0 && arg[2] < DEVICES ? devices[arg[2]] : NULL;
	struct dma_buf_attachment *attach;

	if (!attachment || attachment->attach || (arg[0] >= 0 && !buffer))
		return skip("attachment");
	memset(attachment, 0, sizeof(*attachment));
	attachment->being_made = buffer && device;
	attachment->of = buffer ? buffer->buf : NULL;
	attachment->buffer = arg[0];
	attachment->device = arg[2];
	attachment->policy = arg[5];
	attachment->maker = actor;
	call();
	if (arg[3] == 0)
		attach = dma_buf_attach(attachment->of, device);
	else
		attach = dma_buf_dynamic_attach(attachment->of, device, importer_ops_of(arg[3] == 2, arg[4]), attachment);
	attachment->being_made = false;
	if (IS_ERR(attach)) {
		attachment->attach = NULL;
		record('r', " %ld 0", -PTR_ERR(attach));
		return;
	}
	attachment->attach = attach;
	record('r', " 0 %d", attach->peer2peer);
}

/* attachment or -1, buffer or -1 */
static void detach(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);
	struct buffer *buffer = arg[1] < 0 ? NULL : buffer_at(arg[1]);

	if (!attachment || !buffer)
		return skip("attachment");
	call();
	dma_buf_detach(buffer->buf, attachment->attach);
	if (attachment->of == buffer->buf)
		attachment->attach = NULL;
	ret(0);
}

static void pin(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);
	int errno;

	if (!attachment || !holds(actor, attachment->of))
		return skip("not held");
	call();
	errno = -dma_buf_pin(attachment->attach);
	if (!errno)
		attachment->pins++;
	ret(errno);
}

static void unpin(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);

	if (!attachment || !attachment->pins || !holds(actor, attachment->of))
		return skip("not held");
	call();
	attachment->pins--;
	dma_buf_unpin(attachment->attach);
	ret(0);
}

/* attachment or -1, direction, mapping */
static void map_op(struct actor *actor, const s64 *arg, bool locked)
{
	struct attachment *attachment = arg[0] < 0 ? NULL : attachment_at(arg[0]);
	struct mapping *mapping = arg[2] >= 0 && arg[2] < MAPPINGS ? &mappings[arg[2]] : NULL;
	struct dma_buf_attachment *attach = attachment ? attachment->attach : NULL;
	struct sg_table *table;
	struct scatterlist *segment;
	int at;

	if (!mapping || mapping->table || (arg[0] >= 0 && !attachment))
		return skip("mapping");
	if (locked && attachment && !holds(actor, attachment->of))
		return skip("not held");
	actor->slept = false;
	call();
	table = locked ? dma_buf_map_attachment(attach, arg[1]) : dma_buf_map_attachment_unlocked(attach, arg[1]);
	if (IS_ERR(table)) {
		record('r', " %ld -1", -PTR_ERR(table));
		if (PTR_ERR(table) == -ERESTARTSYS && actor->slept)
			flush_signals(current);
		return;
	}
	mapping->table = table;
	mapping->attachment = arg[0];
	mapping->direction = arg[1];
	mapping->taken = false;
	mapping->stamp = ++stamps;
	record_begin('r');
	record_more(" 0 %d", table_id(table));
	for_each_sgtable_dma_sg(table, segment, at)
		record_more(" %llu %u", (u64)sg_dma_address(segment), sg_dma_len(segment));
	record_end();
}

static void map(struct actor *actor, const s64 *arg, int count)
{
	map_op(actor, arg, true);
}

static void map_unlocked(struct actor *actor, const s64 *arg, int count)
{
	map_op(actor, arg, false);
}

/* A table that was handed out more than once: what is given back is its oldest mapping, in that direction if any is. */
static struct mapping *oldest_like(struct mapping *named)
{
	struct mapping *oldest = named, *any = named;
	int at;

	for (at = 0; at < MAPPINGS; at++) {
		struct mapping *other = &mappings[at];

		if (other->table != named->table || other->attachment != named->attachment || other->taken)
			continue;
		if (other->stamp < any->stamp)
			any = other;
		if (other->direction == named->direction && other->stamp < oldest->stamp)
			oldest = other;
	}
	return oldest->direction == named->direction ? oldest : any;
}

/* mapping, direction */
static void unmap_op(struct actor *actor, const s64 *arg, bool locked)
{
	struct mapping *mapping = mapping_at(arg[0]);
	struct attachment *attachment = mapping ? attachment_at(mapping->attachment) : NULL;

	/* The importer's callback is faster. */
	if (!mapping || mapping->taken)
		return;
	if (!attachment || (locked && !holds(actor, attachment->of)))
		return skip("not held");
	mapping = oldest_like(mapping);
	/* Before the lock: who unmaps it is settled here. */
	mapping->taken = true;
	call();
	if (locked)
		dma_buf_unmap_attachment(attachment->attach, mapping->table, arg[1]);
	else
		dma_buf_unmap_attachment_unlocked(attachment->attach, mapping->table, arg[1]);
	mapping->table = NULL;
	ret(0);
}

static void unmap(struct actor *actor, const s64 *arg, int count)
{
	unmap_op(actor, arg, true);
}

static void unmap_unlocked(struct actor *actor, const s64 *arg, int count)
{
	unmap_op(actor, arg, false);
}

#if SINCE(7, 1)
static void is_revocable(struct actor *actor, const s64 *arg, int count)
{
	struct attachment *attachment = attachment_at(arg[0]);

	if (!attachment)
		return skip("attachment");
	call();
	record('r', " 0 %d", dma_buf_attach_revocable(attachment->attach));
}
#endif

/* mapping, kind: a device touches the first byte; no call of anybody's */
static void access_op(struct actor *actor, const s64 *arg, int count)
{
	struct mapping *mapping = mapping_at(arg[0]);

	if (!mapping)
		return skip("mapping");
	record('A', " %lld %lld %llu", arg[0], arg[1], (u64)sg_dma_address(mapping->table->sgl));
}

/* The importer answers an invalidate, lock held: unmaps what it has, or leaves it for later. */
void importer_invalidated(struct dma_buf_attachment *attach)
{
	int slot = attachment_slot(attach), at, direction;

	record('h', " %d %d", HOOK_INVALIDATE, slot);
	if (fault == PUT_IN_CALLBACK) {
		record('n', " getRef %d", attachments[slot].buffer);
		get_dma_buf(attach->dmabuf);
		record('m', "%s", "");
		record('n', " put %d", attachments[slot].buffer);
		dma_buf_put(attach->dmabuf);
		record('m', "%s", "");
	}
	for (at = 0; slot >= 0 && attachments[slot].policy == 0 && at < MAPPINGS; at++) {
		struct mapping *mapping = &mappings[at];

		if (!mapping->table || mapping->taken || mapping->attachment != slot)
			continue;
		mapping->taken = true;
		direction = mapping->direction;
		if (fault == OTHER_DIRECTION)
			direction = direction == DMA_TO_DEVICE ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
		record('n', " unmap %d %d", at, direction);
		dma_buf_unmap_attachment(attach, mapping->table, direction);
		mapping->table = NULL;
		record('m', "%s", "");
	}
	record('H', " %d 0 %d", HOOK_INVALIDATE, slot);
}

const struct operation buffer_operations[] = {
	{ "export", 6, export_buffer },
	{ "exportFd", 3, export_fd },
	{ "requestFd", 3, request_fd },
	{ "close", 1, close_op },
	{ "get", 1, get },
	{ "getRef", 1, get_ref },
	{ "put", 1, put },
	{ "invalidate", 1, invalidate },
	{ "seek", 3, seek },
	{ "attach", 6, attach_op },
	{ "detach", 2, detach },
	{ "pin", 1, pin },
	{ "unpin", 1, unpin },
	{ "map", 3, map },
	{ "mapUnlocked", 3, map_unlocked },
	{ "unmap", 2, unmap },
	{ "unmapUnlocked", 2, unmap_unlocked },
	{ "access", 2, access_op },
#if SINCE(7, 1)
	{ "isRevocable", 1, is_revocable },
#endif
	{ }
};

/* Lock held or just given up by its holder: who is on which list is seen here, where it cannot be changing. */
void buffers_check_lists(struct dma_resv *resv)
{
	struct dma_buf_attachment *attach;
	int slot, at;

	for (slot = 0; slot < BUFFERS; slot++) {
		struct dma_buf *buf = buffers[slot].buf;

		if (!buf || buffers[slot].released || buf->resv != resv)
			continue;
		for (at = 0; at < ATTACHMENTS; at++)
			attachments[at].seen = false;
		list_for_each_entry(attach, &buf->attachments, node) {
			at = attachment_slot(attach);
			if (at < 0)
				continue;
			attachments[at].seen = true;
			if (!attachments[at].listed)
				record('l', " %d 1", at);
			attachments[at].listed = true;
		}
		for (at = 0; at < ATTACHMENTS; at++) {
			if (attachments[at].seen || !attachments[at].listed || attachments[at].of != buf)
				continue;
			attachments[at].listed = false;
			record('l', " %d 0", at);
		}
	}
}

/* What the program left. Runs in a thread of a task, as descriptors belong to those; nothing of it is recorded. */
void buffers_clear(void)
{
	int slot;

	for (slot = 0; slot < MAPPINGS; slot++) {
		struct mapping *mapping = &mappings[slot];
		struct attachment *attachment = mapping->table ? attachment_at(mapping->attachment) : NULL;

		if (attachment)
			dma_buf_unmap_attachment_unlocked(attachment->attach, mapping->table, mapping->direction);
	}
	for (slot = 0; slot < ATTACHMENTS; slot++) {
		struct attachment *attachment = attachment_at(slot);

		if (!attachment)
			continue;
		dma_resv_lock(attachment->of->resv, NULL);
		while (attachment->pins-- > 0)
			dma_buf_unpin(attachment->attach);
		dma_resv_unlock(attachment->of->resv);
		dma_buf_detach(attachment->of, attachment->attach);
	}
	for (slot = 0; slot < DESCRIPTORS; slot++)
		if (descriptors[slot].open)
			close_fd(descriptors[slot].number);
	for (slot = 0; slot < BUFFERS; slot++)
		while (buffers[slot].refs-- > 0)
			dma_buf_put(buffers[slot].buf);
}

void buffers_reset(void)
{
	int slot;

	for (slot = 0; slot < BUFFERS; slot++)
		if (buffers[slot].buf && reservations[BUFFERS / 2 + slot].resv != &reservations[BUFFERS / 2 + slot].own)
			reservations[BUFFERS / 2 + slot].resv = NULL;
	memset(buffers, 0, sizeof(buffers));
	memset(attachments, 0, sizeof(attachments));
	memset(mappings, 0, sizeof(mappings));
	memset(descriptors, 0, sizeof(descriptors));
	exporter_reset();
}

int buffers_init(void)
{
	int at, result = exporter_init();

	for (at = 0; at < DEVICES && !result; at++) {
		struct device *device = root_device_register("conformance");

		/* Names of devices are unique. */
		if (at > 0 && IS_ERR(device)) {
			char name[24];

			snprintf(name, sizeof(name), "conformance%d", at);
			device = root_device_register(name);
		}
		if (IS_ERR(device))
			result = PTR_ERR(device);
		else
			devices[at] = device;
	}
	if (result)
		buffers_exit();
	return result;
}

void buffers_exit(void)
{
	int at;

	for (at = 0; at < DEVICES; at++)
		if (devices[at])
			root_device_unregister(devices[at]);
	exporter_exit();
}
