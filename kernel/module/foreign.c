// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Buffers of exporters that the kernel itself has. A user asks the device for one, and from then on its hooks are called
 * through ours, which write down that they were and call them.
 */
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/uaccess.h>
#include "requests.h"
#include "views.h"

/* Who is in a release: a thread that is no task's, where what is locked is seen all the same. */
static struct task_struct *releasing;

bool foreign_releases(void)
{
	return releasing == current;
}

/* A hook begins or ends: what is locked in between is the exporter's. */
static void in_hook(bool begins)
{
	struct actor *actor = this_actor();

	if (actor)
		actor->foreign = begins;
}

static struct buffer *buffer_behind(struct dma_buf *buf)
{
	int slot;

	for (slot = 0; slot < BUFFERS; slot++)
		if (buffers[slot].buf == buf && !buffers[slot].released)
			return &buffers[slot];
	return NULL;
}

static int on_attach(struct dma_buf *buf, struct dma_buf_attachment *attach)
{
	struct buffer *buffer = buffer_behind(buf);
	int slot = attachment_slot(attach), result;

	record('h', " %d %d %d %d", HOOK_ATTACH, slot, buffer_slot(buffer), attach->peer2peer);
	in_hook(true);
	result = buffer->foreign->attach(buf, attach);
	in_hook(false);
	record('H', " %d %d %d %d %d", HOOK_ATTACH, -result, slot, buffer_slot(buffer), attach->peer2peer);
	return result;
}

static void on_detach(struct dma_buf *buf, struct dma_buf_attachment *attach)
{
	struct buffer *buffer = buffer_behind(buf);
	int slot = attachment_slot(attach);

	record('h', " %d %d %d", HOOK_DETACH, slot, buffer_slot(buffer));
	in_hook(true);
	buffer->foreign->detach(buf, attach);
	in_hook(false);
	record('H', " %d 0 %d %d", HOOK_DETACH, slot, buffer_slot(buffer));
}

static void translate(struct buffer *buffer, struct dma_buf_attachment *attach, struct sg_table *table, bool on)
{
	int slot = attachment_slot(attach), device = slot < 0 ? 0 : attachments[slot].device, at;
	struct scatterlist *segment;
	u64 offset = 0;

	for_each_sgtable_dma_sg(table, segment, at) {
		record('t', " %d %d %llu %u %d %llu", device, on, (u64)sg_dma_address(segment), sg_dma_len(segment),
		       buffer->storage, offset);
		offset += sg_dma_len(segment);
	}
}

static struct sg_table *on_map(struct dma_buf_attachment *attach, enum dma_data_direction direction)
{
	struct buffer *buffer = buffer_behind(attach->dmabuf);
	int slot = attachment_slot(attach), at;
	struct scatterlist *segment;
	struct sg_table *table;

	record('h', " %d %d %d", HOOK_MAP, slot, direction);
	table = buffer->foreign->map_dma_buf(attach, direction);
	if (IS_ERR(table)) {
		record('H', " %d %ld %d %d -1", HOOK_MAP, -PTR_ERR(table), slot, direction);
		return table;
	}
	translate(buffer, attach, table, true);
	record_begin('H');
	record_more(" %d 0 %d %d %d", HOOK_MAP, slot, direction, table_id(table));
	for_each_sgtable_dma_sg(table, segment, at)
		record_more(" %llu %u", (u64)sg_dma_address(segment), sg_dma_len(segment));
	record_end();
	return table;
}

static void on_unmap(struct dma_buf_attachment *attach, struct sg_table *table, enum dma_data_direction direction)
{
	struct buffer *buffer = buffer_behind(attach->dmabuf);
	int slot = attachment_slot(attach), id = table_id(table);

	record('h', " %d %d %d %d", HOOK_UNMAP, slot, direction, id);
	translate(buffer, attach, table, false);
	table_gone(id);
	buffer->foreign->unmap_dma_buf(attach, table, direction);
	record('H', " %d 0 %d %d %d", HOOK_UNMAP, slot, direction, id);
}

static void on_release(struct dma_buf *buf)
{
	struct buffer *buffer = buffer_behind(buf);

	record('h', " %d %d", HOOK_RELEASE, buffer_slot(buffer));
	releasing = current;
	buffer->foreign->release(buf);
	releasing = NULL;
	exporter_released(buffer, buf);
	record('H', " %d 0 %d", HOOK_RELEASE, buffer_slot(buffer));
}

static int on_begin_cpu(struct dma_buf *buf, enum dma_data_direction direction)
{
	struct buffer *buffer = buffer_behind(buf);
	int result;

	record('h', " %d %d %d", HOOK_BEGIN_CPU, buffer_slot(buffer), direction);
	result = buffer->foreign->begin_cpu_access(buf, direction);
	record('H', " %d %d %d %d", HOOK_BEGIN_CPU, -result, buffer_slot(buffer), direction);
	return result;
}

static int on_end_cpu(struct dma_buf *buf, enum dma_data_direction direction)
{
	struct buffer *buffer = buffer_behind(buf);
	int result;

	record('h', " %d %d %d", HOOK_END_CPU, buffer_slot(buffer), direction);
	result = buffer->foreign->end_cpu_access(buf, direction);
	record('H', " %d %d %d %d", HOOK_END_CPU, -result, buffer_slot(buffer), direction);
	return result;
}

/* Which page of the buffer a user sees there now, from 1 as it is written in it; 0 for none. */
static u64 page_seen(struct vm_fault *fault)
{
	u64 word = 0;

	return copy_from_user_nofault(&word, (void __user *)(fault->address & PAGE_MASK), sizeof(word)) ? 0 : word >> 32;
}

static vm_fault_t on_fault(struct vm_fault *fault)
{
	struct view *view = view_of(fault->vma);
	struct buffer *buffer = &buffers[view->buffer];
	u64 page = fault->pgoff - fault->vma->vm_pgoff;
	vm_fault_t result;
	u64 seen;
	int errno;

	record('h', " %d %d %d %llu", HOOK_CPU_FAULT, view->buffer, view_slot(view), page);
	in_hook(true);
	result = buffer->foreign_pages->fault(fault);
	in_hook(false);
	errno = result & VM_FAULT_ERROR ? EFAULT : 0;
	seen = errno ? 0 : page_seen(fault);
	if (seen)
		view_shows_at(view, page, 1, buffer->storage, (seen - 1) * PAGE_SIZE);
	else if (!errno)
		view_shows(view, page, 1, buffer->storage);
	record('H', " %d %d %d %d %llu", HOOK_CPU_FAULT, errno, view->buffer, view_slot(view), page);
	return result;
}

/* The mapping's file is the buffer's, and stays until the mapping has ended. */
static struct buffer *buffer_shown(struct vm_area_struct *vma)
{
	int slot;

	for (slot = 0; slot < BUFFERS; slot++)
		if (buffers[slot].buf && !buffers[slot].released && buffers[slot].buf->file == vma->vm_file)
			return &buffers[slot];
	return NULL;
}

static void on_vm_close(struct vm_area_struct *vma)
{
	struct buffer *buffer = buffer_shown(vma);

	if (!buffer)
		return;
	in_hook(true);
	buffer->foreign_pages->close(vma);
	in_hook(false);
}

static vm_fault_t on_mkwrite(struct vm_fault *fault)
{
	const struct vm_operations_struct *pages = buffer_shown(fault->vma)->foreign_pages;

	return pages->pfn_mkwrite ? pages->pfn_mkwrite(fault) : 0;
}

static const struct vm_operations_struct fault_operations = { .fault = on_fault };
/* Of an exporter that wants to know when a mapping ends, and of its first write. */
static const struct vm_operations_struct followed_operations = {
	.fault = on_fault,
	.close = on_vm_close,
	.pfn_mkwrite = on_mkwrite,
};

static int on_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct buffer *buffer = buffer_behind(buf);
	struct view *view = &views[this_actor()->view];
	bool shared = vma->vm_flags & VM_SHARED;
	int result;

	record('h', " %d %d %d %lld %lu %d", HOOK_MMAP, buffer_slot(buffer), view_slot(view), (s64)vma->vm_pgoff,
	       vma_pages(vma), shared);
	/* For a private mapping a kernel writes another number over it. */
	view->start = vma->vm_pgoff;
	this_actor()->map_start = vma->vm_pgoff;
	in_hook(true);
	result = buffer->foreign->mmap(buf, vma);
	in_hook(false);
	if (!result && vma->vm_ops && vma->vm_ops->fault) {
		buffer->foreign_pages = vma->vm_ops;
		vma->vm_ops = vma->vm_ops->close ? &followed_operations : &fault_operations;
	} else if (!result) {
		view_shows(view, 0, vma_pages(vma), buffer->storage);
	}
	record('H', " %d %d %d %d %lld %lu %d", HOOK_MMAP, -result, buffer_slot(buffer), view_slot(view),
	       (s64)view->start, vma_pages(vma), shared);
	return result;
}

static int on_vmap(struct dma_buf *buf, struct iosys_map *map)
{
	struct buffer *buffer = buffer_behind(buf);
	int result;

	record('h', " %d %d", HOOK_VMAP, buffer_slot(buffer));
	result = buffer->foreign->vmap(buf, map);
	if (!result)
		exporter_address_given(buffer, map);
	record('H', " %d %d %d %d %d", HOOK_VMAP, -result, buffer_slot(buffer), exporter_address(buffer, map),
	       !result && map->is_iomem);
	return result;
}

static void on_vunmap(struct dma_buf *buf, struct iosys_map *map)
{
	struct buffer *buffer = buffer_behind(buf);
	int address = exporter_address(buffer, map);

	record('h', " %d %d %d", HOOK_VUNMAP, buffer_slot(buffer), address);
	buffer->foreign->vunmap(buf, map);
	record('H', " %d 0 %d %d", HOOK_VUNMAP, buffer_slot(buffer), address);
}

/* Every hook that it has is called through ours. */
static void listen(struct buffer *buffer)
{
	const struct dma_buf_ops *has = buffer->buf->ops;
	struct dma_buf_ops *ops = &buffer->ops;

	*ops = *has;
	ops->attach = has->attach ? on_attach : NULL;
	ops->detach = has->detach ? on_detach : NULL;
	ops->map_dma_buf = on_map;
	ops->unmap_dma_buf = on_unmap;
	ops->release = on_release;
	ops->begin_cpu_access = has->begin_cpu_access ? on_begin_cpu : NULL;
	ops->end_cpu_access = has->end_cpu_access ? on_end_cpu : NULL;
	ops->mmap = has->mmap ? on_mmap : NULL;
	ops->vmap = has->vmap ? on_vmap : NULL;
	ops->vunmap = has->vunmap ? on_vunmap : NULL;
	buffer->foreign = has;
	buffer->buf->ops = ops;
}

/* Whoever looks at the memory, device or CPU, learns which storage it is, and which page of it (counted from 1). */
static int stamp(struct dma_buf *buf, u64 number)
{
	struct iosys_map map;
	int result = dma_buf_vmap_unlocked(buf, &map);
	size_t at;

	if (result)
		return result;
	for (at = 0; at < buf->size / sizeof(number); at++)
		((u64 *)map.vaddr)[at] = number | (at * sizeof(number) / PAGE_SIZE + 1) << 32;
	dma_buf_vunmap_unlocked(buf, &map);
	return 0;
}

/* What a device makes for a user comes in by its descriptor. An error, and the buffer is none. */
int foreign_export(struct actor *actor, struct buffer *buffer, u64 size, enum device_kind kind)
{
	int number = devices_ask(actor, size, kind), result;
	struct dma_buf *buf;

	if (number < 0)
		return number;
	buf = dma_buf_get(number);
	close_fd(number);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	memset(buffer, 0, sizeof(*buffer));
	result = stamp(buf, exporter_next_storage());
	if (result) {
		dma_buf_put(buf);
		return result;
	}
	buffer->size = buf->size;
	buffer->buf = buf;
	listen(buffer);
	return 0;
}

/* What is at an address that the exporter gave a device. */
u64 foreign_seen(struct dma_buf *buf, u64 address)
{
	struct buffer *buffer = buffer_behind(buf);

	return buffer && buffer->foreign ? *(u32 *)phys_to_virt(address) : 0;
}
