// SPDX-License-Identifier: MIT OR GPL-2.0
/* The exporter that programs are played with: memory that is only numbers, every hook recorded. */
#include <linux/scatterlist.h>
#include "views.h"

#define TABLES 512

/* Every table handed out, so that it is known again. */
static struct sg_table *tables[TABLES];
static int table_storage[TABLES];
static int next_table;
static int next_storage = 1;
/* Of addresses with nothing behind them: beyond all memory, where those of the kernel's own exporters are. */
#define FIRST_ADDRESS (1ULL << 40)
static u64 next_address[DEVICES];
static struct page *page;
static u64 segment_limits[DEVICES];

/* Bits of the items that a program leaves out of an export, as the host sends them. */
enum { NO_PRIV = 1, NO_OPS = 2, NO_MAP = 4, NO_UNMAP = 8, NO_RELEASE = 16, NO_PIN = 32, NO_UNPIN = 64 };

int table_id(struct sg_table *table)
{
	int at;

	for (at = next_table - 1; at >= 0; at--)
		if (tables[at] == table)
			return at;
	if (next_table < TABLES)
		tables[next_table] = table;
	return next_table < TABLES ? next_table++ : -1;
}

void table_gone(int id)
{
	if (id >= 0)
		tables[id] = NULL;
}

int exporter_next_storage(void)
{
	return next_storage;
}

static struct buffer *buffer_of(struct dma_buf *buf)
{
	return buf->priv;
}

int buffer_slot(struct buffer *buffer)
{
	return buffer - buffers;
}

/* Each place that memory was in: how many mappings show it, and that it is no buffer's any more. */
static struct {
	int maps;
	bool retired;
} places[STORAGES];

void exporter_place(struct buffer *buffer, bool moved)
{
	if (buffer->storage)
		return;
	buffer->storage = next_storage++;
	record('a', " %d %d", buffer->storage, buffer_slot(buffer));
	record('e', " %d %d %d", buffer_slot(buffer), buffer->storage, moved);
}

void exporter_retire(int storage, int slot)
{
	if (!storage || storage >= STORAGES)
		return;
	places[storage].retired = true;
	if (!places[storage].maps)
		record('f', " %d %d", storage, slot);
}

/* Memory is allocated when it is first needed. */
static void make_storage(struct buffer *buffer)
{
	exporter_place(buffer, false);
}

static bool can_be_told(struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->move_callback;
}

static struct sg_table *on_map(struct dma_buf_attachment *attach, enum dma_data_direction direction)
{
	struct buffer *buffer = buffer_of(attach->dmabuf);
	int slot = attachment_slot(attach), device = slot < 0 ? 0 : attachments[slot].device, at;
	u64 size = PAGE_ALIGN(buffer->size), limit = max_t(u64, PAGE_SIZE, segment_limits[device] & PAGE_MASK), offset = 0;
	struct scatterlist *segment;
	struct sg_table *table;

	record('h', " %d %d %d", HOOK_MAP, slot, direction);
	if (direction == DMA_NONE && fault != NO_DIRECTION_MAPPED) {
		record('H', " %d %d %d %d -1", HOOK_MAP, EINVAL, slot, direction);
		return ERR_PTR(-EINVAL);
	}
	if (buffer->revoked) {
		record('H', " %d %d %d %d -1", HOOK_MAP, ENODEV, slot, direction);
		return ERR_PTR(-ENODEV);
	}
	make_storage(buffer);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table || sg_alloc_table(table, DIV_ROUND_UP(size, limit), GFP_KERNEL)) {
		kfree(table);
		record('H', " %d %d %d %d -1", HOOK_MAP, ENOMEM, slot, direction);
		return ERR_PTR(-ENOMEM);
	}
	for_each_sgtable_sg(table, segment, at) {
		u32 length = min(limit, size - offset);

		sg_set_page(segment, page, length, 0);
		sg_dma_address(segment) = next_address[device];
		sg_dma_len(segment) = length;
		record('t', " %d 1 %llu %u %d %llu", device, next_address[device], length, buffer->storage, offset);
		if (fault == UNALIGNED_ADDRESS)
			sg_dma_address(segment) += 512;
		if (fault == SHORT_TABLE && size > PAGE_SIZE)
			sg_dma_len(segment) -= PAGE_SIZE;
		if (fault != SAME_ADDRESS)
			next_address[device] += length + PAGE_SIZE;
		offset += length;
	}
	if (fault == FAILED_MAP_LEFT) {
		sg_free_table(table);
		kfree(table);
		record('H', " %d %d %d %d -1", HOOK_MAP, ENOMEM, slot, direction);
		return ERR_PTR(-ENOMEM);
	}
	at = table_id(table);
	if (at >= 0)
		table_storage[at] = buffer->storage;
	if (buffer->storage < STORAGES)
		places[buffer->storage].maps++;
	buffer->maps++;
	if (!can_be_told(attach))
		buffer->fixed++;
	record_begin('H');
	record_more(" %d 0 %d %d %d", HOOK_MAP, slot, direction, at);
	for_each_sgtable_sg(table, segment, at)
		record_more(" %llu %u", (u64)sg_dma_address(segment), sg_dma_len(segment));
	record_end();
	return table;
}

static void on_unmap(struct dma_buf_attachment *attach, struct sg_table *table, enum dma_data_direction direction)
{
	int slot = attachment_slot(attach), device = slot < 0 ? 0 : attachments[slot].device, at, id = table_id(table);
	struct buffer *buffer = buffer_of(attach->dmabuf);
	int storage = id < 0 ? buffer->storage : table_storage[id];
	struct scatterlist *segment;
	u64 offset = 0;

	record('h', " %d %d %d %d", HOOK_UNMAP, slot, direction, id);
	for_each_sgtable_sg(table, segment, at) {
		if (fault == KEPT_TRANSLATION)
			break;
		record('t', " %d 0 %llu %u %d %llu", device, (u64)sg_dma_address(segment), sg_dma_len(segment),
		       storage, offset);
		offset += sg_dma_len(segment);
	}
	if (fault == FREED_EARLY && buffer->storage) {
		record('f', " %d %d", buffer->storage, buffer_slot(buffer));
		buffer->storage = 0;
	}
	buffer->maps--;
	if (!can_be_told(attach))
		buffer->fixed--;
	if (storage < STORAGES && !--places[storage].maps && places[storage].retired)
		record('f', " %d %d", storage, buffer_slot(buffer));
	table_gone(id);
	sg_free_table(table);
	kfree(table);
	record('H', " %d 0 %d %d %d", HOOK_UNMAP, slot, direction, id);
	moving_unmapped();
}

static int pin_errno(struct buffer *buffer, struct dma_buf_attachment *attach)
{
	if (!buffer->moving)
		return 0;
	if (buffer->revoked)
		return ENODEV;
	return SINCE(6, 19) && !can_be_told(attach) ? EOPNOTSUPP : 0;
}

static int on_pin(struct dma_buf_attachment *attach)
{
	struct buffer *buffer = buffer_of(attach->dmabuf);
	int slot = attachment_slot(attach), errno = pin_errno(buffer, attach);

	record('h', " %d %d", HOOK_PIN, slot);
	if (!errno) {
		make_storage(buffer);
		buffer->pins++;
	}
	record('H', " %d %d %d", HOOK_PIN, errno, slot);
	return -errno;
}

static void on_unpin(struct dma_buf_attachment *attach)
{
	int slot = attachment_slot(attach);

	record('h', " %d %d", HOOK_UNPIN, slot);
	buffer_of(attach->dmabuf)->pins--;
	record('H', " %d 0 %d", HOOK_UNPIN, slot);
}

void exporter_released(struct buffer *buffer, struct dma_buf *buf)
{
	int slot = buffer_slot(buffer);

	exporter_retire(buffer->storage, slot);
	buffer->storage = 0;
	buffer->released = true;
	/* A reservation object of its own ends with the buffer. */
	if (reservations[BUFFERS / 2 + slot].resv == buf->resv)
		reservations[BUFFERS / 2 + slot].resv = NULL;
}

static void on_release(struct dma_buf *buf)
{
	struct buffer *buffer = buffer_of(buf);
	int slot = buffer_slot(buffer);

	record('h', " %d %d", HOOK_RELEASE, slot);
	exporter_released(buffer, buf);
	record('H', " %d 0 %d", HOOK_RELEASE, slot);
}

#if SINCE(7, 1)
/* Where a revoke waits for unmaps, nobody may have a mapping who cannot be told to unmap. */
static int on_attach(struct dma_buf *buf, struct dma_buf_attachment *attach)
{
	struct buffer *buffer = buffer_of(buf);
	int slot = attachment_slot(attach), errno = ENODEV;
	bool revocable;

	record('h', " %d %d %d %d", HOOK_ATTACH, slot, buffer_slot(buffer), attach->peer2peer);
	if (!buffer->revoked) {
		record('n', " isRevocable %d", slot);
		revocable = dma_buf_attach_revocable(attach);
		record('m', " 0 %d", revocable);
		errno = revocable ? 0 : EOPNOTSUPP;
	}
	record('H', " %d %d %d %d %d", HOOK_ATTACH, errno, slot, buffer_slot(buffer), attach->peer2peer);
	return -errno;
}
#endif

static int on_begin_cpu(struct dma_buf *buf, enum dma_data_direction direction)
{
	int slot = buffer_slot(buffer_of(buf));

	record('h', " %d %d %d", HOOK_BEGIN_CPU, slot, direction);
	record('H', " %d 0 %d %d", HOOK_BEGIN_CPU, slot, direction);
	return 0;
}

static int on_end_cpu(struct dma_buf *buf, enum dma_data_direction direction)
{
	int slot = buffer_slot(buffer_of(buf));

	record('h', " %d %d %d", HOOK_END_CPU, slot, direction);
	record('H', " %d 0 %d %d", HOOK_END_CPU, slot, direction);
	return 0;
}

struct dma_buf *exporter_export(struct buffer *buffer, struct reservation *shared, u64 size, int missing, bool dynamic,
				bool caching, bool moving)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf_ops *ops = &buffer->ops;

	memset(buffer, 0, sizeof(*buffer));
	ops->map_dma_buf = missing & NO_MAP ? NULL : on_map;
	ops->unmap_dma_buf = missing & NO_UNMAP ? NULL : on_unmap;
	ops->release = missing & NO_RELEASE ? NULL : on_release;
	ops->pin = dynamic && !(missing & NO_PIN) ? on_pin : NULL;
	ops->unpin = dynamic && !(missing & NO_UNPIN) ? on_unpin : NULL;
	/* What never moves the CPU may look at, as in a heap. */
	ops->begin_cpu_access = dynamic ? NULL : on_begin_cpu;
	ops->end_cpu_access = dynamic ? NULL : on_end_cpu;
	ops->vmap = dynamic ? NULL : exporter_vmap;
	ops->vunmap = dynamic ? NULL : exporter_vunmap;
	ops->mmap = !dynamic || moving ? exporter_mmap : NULL;
#if !SINCE(6, 16)
	ops->cache_sgt_mapping = caching;
#endif
	buffer->size = size;
	buffer->moving = moving;
#if SINCE(7, 1)
	ops->attach = moving ? on_attach : NULL;
#endif
	info.ops = missing & NO_OPS ? NULL : ops;
	info.size = size;
	info.flags = O_RDWR;
	info.resv = shared ? shared->resv : NULL;
	info.priv = missing & NO_PRIV ? NULL : buffer;
	return dma_buf_export(&info);
}

static const struct dma_buf_attach_ops importer_ops[4] = {
	{ .allow_peer2peer = false },
	{ .allow_peer2peer = true },
	{ .allow_peer2peer = false, .move_callback = importer_invalidated },
	{ .allow_peer2peer = true, .move_callback = importer_invalidated },
};

const struct dma_buf_attach_ops *importer_ops_of(bool callback, bool peer2peer)
{
	return &importer_ops[(callback ? 2 : 0) + (peer2peer ? 1 : 0)];
}

void exporter_limits(const s64 *limits, int count)
{
	int at;

	for (at = 0; at < DEVICES; at++)
		segment_limits[at] = at < count ? limits[at] : UINT_MAX;
}

void exporter_reset(void)
{
	int at;

	memset(tables, 0, sizeof(tables));
	next_table = 0;
	next_storage = 1;
	memset(places, 0, sizeof(places));
	exporter_cpu_reset();
	for (at = 0; at < DEVICES; at++) {
		next_address[at] = FIRST_ADDRESS;
		segment_limits[at] = UINT_MAX & PAGE_MASK;
	}
}

int exporter_init(void)
{
	exporter_reset();
	page = alloc_page(GFP_KERNEL);
	return page ? 0 : -ENOMEM;
}

void exporter_exit(void)
{
	if (page)
		__free_page(page);
}
