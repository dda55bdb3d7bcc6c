/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What requests and those who listen to what they do know of each other. */
#ifndef FILES_H
#define FILES_H

#include "buffers.h"

/* What a request makes: whose request, the buffer and its descriptor, the device that was put into a domain. */
struct made_now {
	struct actor *by;
	struct dma_buf *buf;
	int number;
	struct device *device;
};

extern struct made_now made_now;

/* file_traces.c */
/* The slot of a buffer, -1 for one that is none of the program's. */
int foreign_slot(struct dma_buf *buf);
int file_traces_init(void);
void file_traces_exit(void);
void file_traces_reset(void);

#endif
