// SPDX-License-Identifier: MIT OR GPL-2.0
/* Reads batches of programs and hands their steps out to the threads of tasks. What the lines are is in main.c. */
#include <linux/debug_locks.h>
#include "tasks.h"

static u64 timelines[TIMELINES];
long program_id;
/* A kernel that has complained is not the kernel that was booted: it runs nothing more. */
static bool stopped;

u64 timeline(int number)
{
	if (number < 0 || number >= TIMELINES)
		number = 0;
	if (!timelines[number])
		timelines[number] = dma_fence_context_alloc(1);
	return timelines[number];
}

static const char *number(const char *at, s64 *value)
{
	bool minus = false;

	while (*at == ' ')
		at++;
	if (*at == '-') {
		minus = true;
		at++;
	}
	if (*at < '0' || *at > '9')
		return NULL;
	for (*value = 0; *at >= '0' && *at <= '9'; at++)
		*value = *value * 10 + *at - '0';
	if (minus)
		*value = -*value;
	return at;
}

static void step(const char *line)
{
	const struct operation *operation;
	struct order *order;
	struct actor *actor;
	s64 head[4], value;
	int at;

	for (at = 0; at < 4; at++) {
		line = number(line, &head[at]);
		if (!line)
			return;
	}
	if (head[1] < 0 || head[1] >= ACTORS)
		return;
	actor = &actors[head[1]];
	driver_step = head[0];
	if (actor->busy || actor->last == ORDERS) {
		record_line("k %d %d 0 busy\n", actor->id, driver_step);
		return;
	}
	order = &actor->orders[actor->last];
	order->step = head[0];
	order->flags = head[2];
	order->op = head[3];
	order->count = 0;
	while (order->count < ARGUMENTS && (line = number(line, &value)) != NULL)
		order->arg[order->count++] = value;
	operation = operation_at(order->op);
	if (operation && order->count >= operation->arguments)
		actor->last++;
	else
		record_line("k %d %d 0 malformed\n", actor->id, driver_step);
	if (!(head[2] & STEP_MORE))
		dispatch(actor);
}

static void begin(const char *line)
{
	s64 id = 0;

	number(line, &id);
	program_id = id;
	memset(timelines, 0, sizeof(timelines));
	driver_step = -1;
	fault = NO_FAULT;
	record_line("P %ld\n", program_id);
	running = true;
}

static void command(struct actor *actor, int order)
{
	actor->orders[0].op = order;
	actor->orders[0].flags = 0;
	actor->last = 1;
	dispatch(actor);
}

/* Who still waits when nothing more will happen is a fact. */
static void record_waiting(void)
{
	int at;

	record_line("E -1 -1 0");
	for (at = 0; at < ACTORS; at++)
		if (actors[at].busy)
			record_line(" %d", at);
	record_line("\n");
}

static void finish(void)
{
	unsigned int before = warnings;
	int at, stuck = 0, round;

	settle();
	record_waiting();
	running = false;
	fences_signal_all();
	for (round = 0; round < 3 && anyone_busy(); round++)
		let_time_pass();
	for (at = 0; at < ACTORS; at++) {
		flush_signals(actors[at].task);
		if (actors[at].busy)
			stuck++;
	}
	for (at = 0; at < ACTORS && !stuck; at++)
		command(&actors[at], UNLOCK_ALL);
	if (!stuck) {
		command(&actors[0], CLEAR_BUFFERS);
		buffers_reset();
		settle();
		reservations_reset();
		fences_reset();
		settle();
	} else {
		stopped = true;
	}
	record_line("V %ld %d %u %d %u\n", program_id, debug_locks, before, stuck, warnings - before);
	/* A kernel that has complained is not the kernel that was booted: the host starts another. */
	if (warnings || !debug_locks)
		stopped = true;
	warnings = 0;
}

static void limits(const char *line)
{
	s64 bytes[4];
	int count = 0;

	while (count < ARRAY_SIZE(bytes) && (line = number(line, &bytes[count])) != NULL)
		count++;
	exporter_limits(bytes, count);
}

void run_batch(char *batch)
{
	char *line;
	s64 wanted;

	while ((line = strsep(&batch, "\n")) != NULL && !stopped) {
		switch (line[0]) {
		case 'P':
			begin(line + 1);
			break;
		case 'o':
			step(line + 1);
			break;
		case 'l':
			limits(line + 1);
			break;
		case 'f':
			wanted = 0;
			number(line + 1, &wanted);
			fault = wanted;
			break;
		case 'T':
			let_time_pass();
			break;
		case 'D':
			record_line("d -1 -1 0\n");
			break;
		case 'X':
			finish();
			break;
		}
	}
}
