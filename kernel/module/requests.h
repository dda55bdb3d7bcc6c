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
/* Who borrows its memory and address space to the threads of tasks, and its file of our device. */
struct mm_struct *requests_user(void);
struct file *requests_file(void);
/* A file by its path from the process's root: threads of the kernel need not see the same. */
struct file *requests_open(const char *path);
/* Looks at the address space without that being part of the history. */
int requests_quietly(struct actor *actor, int (*look)(struct mm_struct *user, unsigned long address),
		     unsigned long address);
/* pollers.c */
void poll_file(struct actor *actor, struct file *file, __poll_t wanted, bool sleep, void (*tell)(__poll_t ready));
/* The number behind a descriptor's slot, -1 where it stands for something else by now. */
int descriptor_number(s64 slot);
bool descriptors_have(int number);
bool sync_files_have(int number);

#endif
