// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * What the core does inside a call, as its tracepoints tell: locks it takes, fences it waits for, signals, frees;
 * who falls asleep; and what the kernel complains about.
 */
#include <linux/tracepoint.h>
#include "conformance.h"

unsigned int warnings;
static bool in_console;

/* From 7.1 a signal is traced before its time is written: the time follows as soon as it is there. */
static struct dma_fence *unstamped;
static int unstamped_id;

void trace_stamp(void)
{
	struct dma_fence *fence = unstamped;

	if (!fence || !test_bit(DMA_FENCE_FLAG_TIMESTAMP_BIT, &fence->flags))
		return;
	unstamped = NULL;
	record_stamp(unstamped_id, ktime_to_ns(fence->timestamp));
}

static void on_signaled(void *data, struct dma_fence *fence)
{
	int id;

	if (!running)
		return;
	id = fence_id_or_new(fence);
	if (id < 0)
		return;
	record('S', " %d %d 0", id, fence->error);
	unstamped = fence;
	unstamped_id = id;
}

static void on_destroy(void *data, struct dma_fence *fence)
{
	int id = fence_id(fence);

	trace_stamp();
	unstamped = NULL;
	if (running && id >= 0)
		record('F', " %d", id);
	fence_gone(fence);
}

static void on_wait_start(void *data, struct dma_fence *fence)
{
	struct actor *actor = this_actor();

	if (actor)
		actor->waits = fence;
}

static void on_wait_end(void *data, struct dma_fence *fence)
{
	struct actor *actor = this_actor();

	if (!actor)
		return;
	if (actor->blocked) {
		actor->blocked = false;
		record_for(actor, 'R', "%s", "");
	}
	actor->waits = NULL;
}

static struct reservation *lock_of(struct lockdep_map *map)
{
	int slot;

	for (slot = 0; slot < RESERVATIONS; slot++)
		if (reservations[slot].resv && &reservations[slot].resv->lock.base.dep_map == map)
			return &reservations[slot];
	return NULL;
}

static void on_lock_acquire(void *data, struct lockdep_map *map, unsigned int subclass, int trylock, int read,
			    int check, struct lockdep_map *next, unsigned long ip)
{
	struct actor *actor = running ? this_actor() : NULL;
	struct reservation *lock;

	if (running && foreign_releases() && lock_of(map))
		record('L', " %d -1 0 0 2 0", reservation_slot(lock_of(map)));
	if (!actor || !actor->busy)
		return;
	if (map == requests_lock() && !actor->quiet)
		record('M', " 1");
	if (read)
		return;
	lock = lock_of(map);
	if (lock && actor->explicit != lock)
		actor->asked = lock;
}

/* Some calls only say that they might take it, which looks like taking and giving it back. */
static bool is_owner(struct reservation *lock)
{
	return (atomic_long_read(&lock->resv->lock.base.owner) & ~7L) == (long)current;
}

static void on_lock_release(void *data, struct lockdep_map *map, unsigned long ip)
{
	struct actor *actor = running ? this_actor() : NULL;
	struct reservation *lock;

	if (running && foreign_releases() && lock_of(map))
		record('U', " %d 2", reservation_slot(lock_of(map)));
	if (!actor || !actor->busy)
		return;
	if (map == requests_lock() && !actor->quiet)
		record('M', " 0");
	lock = lock_of(map);
	if (!lock || actor->explicit == lock)
		return;
	if (actor->asked == lock && !is_owner(lock)) {
		actor->asked = NULL;
		return;
	}
	buffers_check_lists(lock->resv);
	if (actor->imports)
		sync_files_imported(actor, lock);
	record('U', " %d %d", reservation_slot(lock), actor->foreign ? 2 : 1);
}

static void on_switch(void *data, bool preempt, struct task_struct *prev, struct task_struct *next,
		      unsigned int prev_state)
{
	struct actor *actor;

	if (!running || preempt || !prev_state)
		return;
	for (actor = actors; actor < actors + ACTORS; actor++)
		if (actor->task == prev)
			break;
	if (actor == actors + ACTORS || !actor->busy || actor->blocked)
		return;
	actor->blocked = true;
	actor->slept = true;
	if (actor->polls)
		record_for(actor, 'B', " 4");
	else if (actor->waits)
		record_for(actor, 'B', " 1 %d", fence_id_or_new(actor->waits));
	else if (actor->explicit)
		record_for(actor, 'B', " 0 %d %d", reservation_slot(actor->explicit), actor->name);
	else if (actor->asked)
		record_for(actor, 'B', " 0 %d %d", reservation_slot(actor->asked), actor->foreign ? 2 : 1);
	else if (actor->unmaps)
		record_for(actor, 'B', " 3 %d", actor->unmaps - 1);
	else
		record_for(actor, 'B', " 2");
}

/* The first line of each complaint is enough: the host has the console for the rest. */
static void on_console(void *data, const char *line, size_t length)
{
	static const char *const complaints[] = { "WARNING:", "BUG:", "INFO:", "kernel BUG", "DEBUG_LOCKS_WARN_ON",
						  "list_add ", "list_del ", "refcount_t:", "general protection" };
	int at;

	if (in_console)
		return;
	for (at = 0; at < ARRAY_SIZE(complaints); at++) {
		if (!strnstr(line, complaints[at], length))
			continue;
		in_console = true;
		warnings++;
		record_text('W', line, min(length, (size_t)200));
		in_console = false;
		return;
	}
}

struct probe {
	const char *name;
	void *function;
	struct tracepoint *point;
	bool wanted;
};

static struct probe probes[] = {
	{ "dma_fence_signaled", on_signaled },
	{ "dma_fence_destroy", on_destroy },
	{ "dma_fence_wait_start", on_wait_start },
	{ "dma_fence_wait_end", on_wait_end },
	{ "lock_acquire", on_lock_acquire },
	{ "lock_release", on_lock_release },
	{ "sched_switch", on_switch },
	{ "console", on_console },
};

static void find(struct tracepoint *point, void *data)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(probes); at++)
		if (!strcmp(point->name, probes[at].name))
			probes[at].point = point;
}

int probes_init(void)
{
	int at;

	for_each_kernel_tracepoint(find, NULL);
	for (at = 0; at < ARRAY_SIZE(probes); at++) {
		if (!probes[at].point || tracepoint_probe_register(probes[at].point, probes[at].function, NULL)) {
			pr_err("no tracepoint %s\n", probes[at].name);
			return -ENOENT;
		}
		probes[at].wanted = true;
	}
	return 0;
}

void probes_exit(void)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(probes); at++)
		if (probes[at].wanted)
			tracepoint_probe_unregister(probes[at].point, probes[at].function, NULL);
	tracepoint_synchronize_unregister();
}
