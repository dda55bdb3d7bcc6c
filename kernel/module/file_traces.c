// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * What the tree's exporters and importers do with buffers that requests have made, as the tracepoints of the core, of the
 * IOMMU layer and of the lock checker tell.
 */
#include "conformance.h"

#if IS_ENABLED(CONFIG_IOMMUFD_TEST)
#include <linux/tracepoint.h>
#include "files.h"

/* Attachments of others, by the order of their appearance. */
static struct dma_buf_attachment *others[ATTACHMENTS];

int foreign_slot(struct dma_buf *buf)
{
	int slot;

	for (slot = 0; slot < BUFFERS; slot++)
		if (buffers[slot].buf == buf && !buffers[slot].released)
			return slot;
	return -1;
}

static void on_export(void *data, struct dma_buf *buf)
{
	if (made_now.by && made_now.by == this_actor())
		made_now.buf = buf;
}

static void on_fd(void *data, struct dma_buf *buf, int fd)
{
	if (buf == made_now.buf)
		made_now.number = fd;
}

static int other_of(struct dma_buf_attachment *attach, bool appears)
{
	int at;

	for (at = 0; at < ATTACHMENTS; at++)
		if (others[at] == attach)
			return at;
	for (at = 0; appears && at < ATTACHMENTS; at++)
		if (!others[at]) {
			others[at] = attach;
			return at;
		}
	return -1;
}

static bool is_ours(struct dma_buf_attachment *attach)
{
	int at;

	for (at = 0; at < DEVICES; at++)
		if (attach->dev == devices[at])
			return true;
	return false;
}

static void on_attach(void *data, struct dma_buf *buf, struct dma_buf_attachment *attach, bool is_dynamic,
		      struct device *dev)
{
	int slot = foreign_slot(buf);

	if (slot >= 0 && !is_ours(attach))
		record('p', " attach %d %d %d %d", other_of(attach, true), slot, is_dynamic, attach->peer2peer);
}

static void on_detach(void *data, struct dma_buf *buf, struct dma_buf_attachment *attach, bool is_dynamic,
		      struct device *dev)
{
	int slot = foreign_slot(buf), id;

	if (slot < 0 || is_ours(attach))
		return;
	id = other_of(attach, true);
	record('p', " detach %d %d", id, slot);
	others[id] = NULL;
}

/* Bytes of an importer's object in which its lock is. */
#define NEAR 512

/* An importer of others takes the lock inside its own object: the one sign there is of its callback. */
static void on_acquire(void *data, struct lockdep_map *map, unsigned int subclass, int trylock, int read, int check,
		       struct lockdep_map *next, unsigned long ip)
{
	unsigned long lock = (unsigned long)map, from, best = 0;
	int at, found = -1;

	if (!running)
		return;
	for (at = 0; at < ATTACHMENTS; at++) {
		from = others[at] ? (unsigned long)others[at]->importer_priv : 0;
		if (from > best && from <= lock && lock - from < NEAR) {
			best = from;
			found = at;
		}
	}
	if (found >= 0)
		record('p', " guard %d", found);
}

static void on_get(void *data, struct dma_buf *buf, int fd)
{
	int slot = foreign_slot(buf);

	if (slot >= 0)
		record('p', " get %d", slot);
}

static void on_put(void *data, struct dma_buf *buf)
{
	int slot = foreign_slot(buf);

	if (slot >= 0)
		record('p', " put %d", slot);
}

static void on_unit_attached(void *data, struct device *dev)
{
	made_now.device = dev;
}

static void on_translate(void *data, unsigned long address, phys_addr_t physical, size_t size)
{
	record('p', " on %lu %llu %zu", address, (u64)physical, size);
}

static void on_untranslate(void *data, unsigned long address, size_t size, size_t unmapped)
{
	record('p', " off %lu %zu %zu", address, size, unmapped);
}

/* A buffer that is gone: its memory was given back just before. */
static void on_kfree(void *data, unsigned long call_site, const void *object)
{
	int slot;

	for (slot = 0; slot < BUFFERS; slot++) {
		if (!object || buffers[slot].buf != object || buffers[slot].released)
			continue;
		buffers[slot].released = true;
		reservations[BUFFERS / 2 + slot].resv = NULL;
		record('p', " released %d", slot);
	}
}

struct listener {
	const char *name;
	void *function;
	struct tracepoint *point;
};

static struct listener listeners[] = {
	{ "dma_buf_export", on_export },
	{ "dma_buf_fd", on_fd },
	{ "dma_buf_get", on_get },
	{ "dma_buf_put", on_put },
	{ "dma_buf_dynamic_attach", on_attach },
	{ "dma_buf_detach", on_detach },
	{ "lock_acquire", on_acquire },
	{ "attach_device_to_domain", on_unit_attached },
	{ "map", on_translate },
	{ "unmap", on_untranslate },
	{ "kfree", on_kfree },
};

static void find(struct tracepoint *point, void *data)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(listeners); at++)
		if (!strcmp(point->name, listeners[at].name))
			listeners[at].point = point;
}

int file_traces_init(void)
{
	int at;

	for_each_kernel_tracepoint(find, NULL);
	for (at = 0; at < ARRAY_SIZE(listeners); at++)
		if (!listeners[at].point ||
		    tracepoint_probe_register(listeners[at].point, listeners[at].function, NULL)) {
			pr_err("no tracepoint %s\n", listeners[at].name);
			listeners[at].point = NULL;
			return -ENOENT;
		}
	return 0;
}

void file_traces_exit(void)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(listeners); at++)
		if (listeners[at].point)
			tracepoint_probe_unregister(listeners[at].point, listeners[at].function, NULL);
}

void file_traces_reset(void)
{
	memset(others, 0, sizeof(others));
}
#endif
