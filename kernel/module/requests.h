/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Requests of user space on the files of buffers and fences. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <linux/poll.h>
#include "buffers.h"

struct file;

long request(struct actor *actor, struct file *file, unsigned int command, void *data, size_t size, bool faults);
u64 request_room(struct actor *actor);
int request_read(struct actor *actor, void *data, size_t size);
bool poll_now(struct file *file, __poll_t wanted, __poll_t *ready);
/* The number behind a descriptor's slot, -1 where it stands for something else by now. */
int descriptor_number(s64 slot);
bool descriptors_have(int number);
bool sync_files_have(int number);

#endif
