// SPDX-License-Identifier: MIT OR GPL-2.0
/* Buffers, attachments and mappings: the program's calls as importer and exporter. The exporter's hooks are in exporter.c. */
#include <linux/dma-mapping.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include "requests.h"

struct buffer buffers[BUFFERS];
struct attachment attachments[ATTACHMENTS];
struct mapping mappings[MAPPINGS];
static struct descriptor descriptors[DESCRIPTORS];
struct device *devices[DEVICES];

struct buffer *buffer_at(s64 slot)
{
	struct buffer *found = slot >= 0 && slot < BUFFERS ? &buffers[slot] : NULL;

	return found && found->buf && !found->released ? found : NULL;
}

struct attachment *attachment_at(s64 slot)
{
	struct attachment *found = slot >= 0 && slot < ATTACHMENTS ? &attachments[slot] : NULL;

	return found && found->attach ? found : NULL;
}


bool holds(struct actor *actor, struct dma_buf *buf)
{
	return reservation_held(actor, reservation_of(buf->resv));
}

/* A reservation object of its own comes with the buffer. */
static void exported(struct buffer *buffer, struct dma_buf *buf)
{
	struct reservation *own = &reservations[BUFFERS / 2 + buffer_slot(buffer)];

	own->resv = buf->resv;
	own->owner = -1;
	own->acquire = -1;
}

/* What comes of it is told once it is there: of a device's refusal nobody else hears. */
static void get_foreign(struct actor *actor, struct buffer *buffer, u64 size, int kind)
{
	if (foreign_export(actor, buffer, size, kind))
		return;
	buffer->refs = 1;
	call();
	exported(buffer, buffer->buf);
	ret(0);
	exporter_place(buffer, false);
}

/* buffer, shared reservation or -1, size, items left out, dynamic, caching, moves and revokes, the kernel's own device or 0 */
static void export_buffer(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = arg[0] >= 0 && arg[0] < BUFFERS ? &buffers[arg[0]] : NULL;
	struct reservation *shared = arg[1] < 0 ? NULL : reservation_at(arg[1]);
	struct dma_buf *buf;

	if (!buffer || buffer->buf || (arg[1] >= 0 && !shared))
		return skip("buffer");
	if (arg[7])
		return get_foreign(actor, buffer, arg[2], arg[7]);
	call();
	buf = exporter_export(buffer, shared, arg[2], arg[3], arg[4], arg[5], arg[6]);
	if (IS_ERR(buf)) {
		ret(-PTR_ERR(buf));
		return;
	}
	buffer->buf = buf;
	buffer->refs = 1;
	if (!shared)
		exported(buffer, buf);
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

const struct operation buffer_operations[] = {
	{ "export", 8, export_buffer },
	{ "exportFd", 3, export_fd },
	{ "requestFd", 3, request_fd },
	{ "close", 1, close_op },
	{ "get", 1, get },
	{ "getRef", 1, get_ref },
	{ "put", 1, put },
	{ "invalidate", 1, invalidate },
	{ "seek", 3, seek },
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

	views_clear();

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
		if (IS_ERR(device)) {
			result = PTR_ERR(device);
			continue;
		}
		/* Reaches all memory. */
		device->coherent_dma_mask = DMA_BIT_MASK(64);
		device->dma_mask = &device->coherent_dma_mask;
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
	devices_exit();
	exporter_exit();
}
