/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the device, the reader of batches and the threads of tasks know of each other. */
#ifndef TASKS_H
#define TASKS_H

#include "conformance.h"

/* Orders of the writer's own, for a task that has nothing to do any more. */
enum { UNLOCK_ALL = -1, CLEAR_BUFFERS = -2 };

/* tasks.c */
const struct operation *operation_at(int number);
int start_actors(void);
void stop_actors(void);
bool anyone_busy(void);
void settle(void);
void dispatch(struct actor *actor);
void let_time_pass(void);

/* batch.c */
extern long program_id;
void run_batch(char *batch);

#endif
