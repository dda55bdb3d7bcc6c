/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the importer's and the exporter's side of a program know of each other. */
#ifndef BUFFERS_H
#define BUFFERS_H

#include <linux/device.h>
#include "compat.h"

#define DEVICES 4
#define STORAGES 1024

struct buffer {
	struct dma_buf *buf;
	/* References that the program holds. */
	int refs;
	bool released;
	/* Its own table: which hooks there are is what the core looks at. */
	struct dma_buf_ops ops;
	u64 size;
	/* The memory behind it; 0 for none. */
	int storage;
	/* Of an exporter of the kernel's own: its hooks, and those of the last mapping of its pages. */
	const struct dma_buf_ops *foreign;
	const struct vm_operations_struct *foreign_pages;
	/* Of the exporter that moves and revokes: live pins and mappings, those of importers who cannot be told included. */
	bool moving;
	bool revoked;
	int revoking;
	int pins;
	int maps;
	int fixed;
	/* The address that the kernel sees it at, and that address's name. */
	void *address;
	int address_id;
};

struct attachment {
	struct dma_buf_attachment *attach;
	struct dma_buf *of;
	bool being_made;
	bool listed;
	bool seen;
	int buffer;
	int device;
	/* How the importer answers an invalidate: 0 unmaps, anything else waits. */
	int policy;
	int pins;
	struct actor *maker;
};

struct mapping {
	struct sg_table *table;
	int attachment;
	int direction;
	/* Its age. */
	int stamp;
	/* Somebody is about to unmap it. */
	bool taken;
};

struct descriptor {
	bool open;
	bool close_on_exec;
	int number;
	int buffer;
};

extern struct buffer buffers[BUFFERS];
extern struct attachment attachments[ATTACHMENTS];
extern struct mapping mappings[MAPPINGS];
extern struct device *devices[DEVICES];
struct buffer *buffer_at(s64 slot);
struct attachment *attachment_at(s64 slot);
bool holds(struct actor *actor, struct dma_buf *buf);
int attachment_slot(struct dma_buf_attachment *attach);
void importer_invalidated(struct dma_buf_attachment *attach);

/* exporter.c */
struct dma_buf *exporter_export(struct buffer *buffer, struct reservation *shared, u64 size, int missing, bool dynamic,
				bool caching, bool moving);
const struct dma_buf_attach_ops *importer_ops_of(bool callback, bool peer2peer);
int buffer_slot(struct buffer *buffer);
int table_id(struct sg_table *table);
/* The table is its exporter's again. */
void table_gone(int id);
/* The number of the storage that will be placed next. */
int exporter_next_storage(void);
/* The last reference on a buffer is gone. */
void exporter_released(struct buffer *buffer, struct dma_buf *buf);
/* Memory for a buffer that has none, and the end of memory that is the buffer's no more. */
void exporter_place(struct buffer *buffer, bool moved);
void exporter_retire(int storage, int slot);
void exporter_reset(void);
int exporter_init(void);
void exporter_exit(void);

/* devices.c: exporters that the kernel itself has, by the numbers that the host sends. */
enum device_kind { DEVICE_HEAP = 1, DEVICE_UDMABUF, DEVICE_VGEM };
/* Asks one for a buffer; its descriptor, or an error. */
int devices_ask(struct actor *actor, u64 size, enum device_kind kind);
void devices_exit(void);

/* foreign.c */
int foreign_export(struct actor *actor, struct buffer *buffer, u64 size, enum device_kind kind);
u64 foreign_seen(struct dma_buf *buf, u64 address);

/* moving.c */
/* Waits, lock held, for fences of this usage and those before it. */
void exporter_wait(struct buffer *buffer, enum dma_resv_usage usage);
void moving_unmapped(void);

#endif
