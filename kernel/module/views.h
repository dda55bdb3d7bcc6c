/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the CPU sees of a buffer: mappings of users, and addresses of the kernel. */
#ifndef VIEWS_H
#define VIEWS_H

#include <linux/iosys-map.h>
#include "buffers.h"

#define VIEWS 128

struct view {
	bool live;
	/* An address of the kernel, not a mapping of a user. */
	bool kernel;
	int buffer;
	unsigned long address;
	/* In pages, as the mapping was asked for. */
	u64 start;
	u64 pages;
	/* It has entries. */
	bool shows;
	struct iosys_map map;
};

extern struct view views[VIEWS];
struct view *view_at(s64 slot);
int view_slot(struct view *view);
struct view *view_of(struct vm_area_struct *vma);
/* Entries of a user mapping come, or all of them go. */
void view_shows(struct view *view, u64 page, u64 count, int storage);
/* The same of entries that lead elsewhere, to this byte of the memory. */
void view_shows_at(struct view *view, u64 page, u64 count, int storage, u64 offset);
void view_shows_nothing(struct view *view);

/* exporter_cpu.c */
int exporter_mmap(struct dma_buf *buf, struct vm_area_struct *vma);
int exporter_vmap(struct dma_buf *buf, struct iosys_map *map);
void exporter_vunmap(struct dma_buf *buf, struct iosys_map *map);
/* No user sees the buffer's memory any more. */
void exporter_zap(struct buffer *buffer);
/* The name of a kernel address that the exporter gave; -1 for none. */
int exporter_address(struct buffer *buffer, struct iosys_map *map);
/* The exporter has given another one. */
void exporter_address_given(struct buffer *buffer, struct iosys_map *map);
void exporter_cpu_reset(void);

#endif
