// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The exporter's side of what the CPU sees. However large a buffer is, one page is behind all of each storage, full of the
 * storage's number: whoever looks learns which storage it is.
 */
#include <linux/mm.h>
#include "views.h"

static struct page *stamped[STORAGES];
/* Kernel addresses given so far: each is another one. */
static int addresses;

static struct page *stamped_page(int storage)
{
	u64 *word;

	if (storage <= 0 || storage >= STORAGES)
		return NULL;
	if (!stamped[storage]) {
		stamped[storage] = alloc_page(GFP_KERNEL);
		if (!stamped[storage])
			return NULL;
		for (word = page_address(stamped[storage]); offset_in_page(word + 1); word++)
			*word = storage;
		*word = storage;
	}
	return stamped[storage];
}

static vm_fault_t show(struct vm_fault *fault, int storage)
{
	struct page *page = stamped_page(storage);

	return page ? vmf_insert_pfn(fault->vma, fault->address, page_to_pfn(page)) : VM_FAULT_OOM;
}

/* Of memory that never moves all pages are there from the start: that an entry is made at the first touch is the machine's. */
static vm_fault_t on_fixed_fault(struct vm_fault *fault)
{
	struct view *view = fault->vma->vm_private_data;

	return show(fault, buffers[view->buffer].storage);
}

/* Of memory that moves a page is shown under the lock, when what is under way with the memory is over. */
static vm_fault_t on_fault(struct vm_fault *fault)
{
	struct view *view = fault->vma->vm_private_data;
	struct buffer *buffer = &buffers[view->buffer];
	struct reservation *resv = reservation_of(buffer->buf->resv);
	u64 page = fault->pgoff - fault->vma->vm_pgoff;
	vm_fault_t result = VM_FAULT_SIGBUS;
	int errno = EFAULT;

	record('h', " %d %d %d %llu", HOOK_CPU_FAULT, view->buffer, view_slot(view), page);
	reservation_lock(this_actor(), resv);
	if (!buffer->revoked) {
		exporter_wait(buffer, DMA_RESV_USAGE_KERNEL);
		exporter_place(buffer, false);
		result = show(fault, buffer->storage);
		errno = result & VM_FAULT_ERROR ? ENOMEM : 0;
		if (!errno)
			view_shows(view, page, 1, buffer->storage);
	}
	reservation_unlock(this_actor(), resv);
	record('H', " %d %d %d %d %llu", HOOK_CPU_FAULT, errno, view->buffer, view_slot(view), page);
	return result;
}

static const struct vm_operations_struct fixed_operations = { .fault = on_fixed_fault };
static const struct vm_operations_struct fault_operations = { .fault = on_fault };

int exporter_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct buffer *buffer = buf->priv;
	struct view *view = &views[this_actor()->view];
	bool shared = vma->vm_flags & VM_SHARED;
	int errno = shared ? 0 : EINVAL;

	record('h', " %d %d %d %lld %lu %d", HOOK_MMAP, buffer_slot(buffer), view_slot(view), (s64)vma->vm_pgoff,
	       vma_pages(vma), shared);
	this_actor()->map_start = vma->vm_pgoff;
	if (shared) {
		view->buffer = buffer_slot(buffer);
		vma->vm_private_data = view;
		vma->vm_ops = buffer->moving ? &fault_operations : &fixed_operations;
		vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND);
		if (!buffer->moving) {
			exporter_place(buffer, false);
			view->start = vma->vm_pgoff;
			view_shows(view, 0, vma_pages(vma), buffer->storage);
		}
	}
	record('H', " %d %d %d %d %lld %lu %d", HOOK_MMAP, errno, buffer_slot(buffer), view_slot(view),
	       (s64)vma->vm_pgoff, vma_pages(vma), shared);
	return -errno;
}

void exporter_zap(struct buffer *buffer)
{
	int slot;

	unmap_mapping_range(buffer->buf->file->f_mapping, 0, 0, 1);
	for (slot = 0; slot < VIEWS; slot++)
		if (views[slot].live && !views[slot].kernel && views[slot].buffer == buffer_slot(buffer))
			view_shows_nothing(&views[slot]);
}

int exporter_vmap(struct dma_buf *buf, struct iosys_map *map)
{
	struct buffer *buffer = buf->priv;
	struct page *page;

	record('h', " %d %d", HOOK_VMAP, buffer_slot(buffer));
	exporter_place(buffer, false);
	page = stamped_page(buffer->storage);
	if (!page) {
		record('H', " %d %d %d -1 0", HOOK_VMAP, ENOMEM, buffer_slot(buffer));
		return -ENOMEM;
	}
	iosys_map_set_vaddr(map, page_address(page) + sizeof(u64) * (addresses % (PAGE_SIZE / sizeof(u64))));
	exporter_address_given(buffer, map);
	record('H', " %d 0 %d %d 0", HOOK_VMAP, buffer_slot(buffer), buffer->address_id);
	return 0;
}

void exporter_vunmap(struct dma_buf *buf, struct iosys_map *map)
{
	struct buffer *buffer = buf->priv;
	int address = exporter_address(buffer, map);

	record('h', " %d %d %d", HOOK_VUNMAP, buffer_slot(buffer), address);
	record('H', " %d 0 %d %d", HOOK_VUNMAP, buffer_slot(buffer), address);
}

void exporter_address_given(struct buffer *buffer, struct iosys_map *map)
{
	buffer->address = map->vaddr;
	buffer->address_id = ++addresses;
}

int exporter_address(struct buffer *buffer, struct iosys_map *map)
{
	return !iosys_map_is_null(map) && map->vaddr == buffer->address ? buffer->address_id : -1;
}

void exporter_cpu_reset(void)
{
	int at;

	for (at = 0; at < STORAGES; at++) {
		if (stamped[at])
			__free_page(stamped[at]);
		stamped[at] = NULL;
	}
	addresses = 0;
}
