// SPDX-License-Identifier: MIT OR GPL-2.0
/* The threads that play a program's tasks, and how the writer lets them run. */
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/vmalloc.h>
#include "tasks.h"

struct actor actors[ACTORS];
int driver_step = -1;
bool running;
enum fault fault;

const char *const hook_names[] = {
	[HOOK_ENABLE] = "enableSignaling", [HOOK_SIGNALED] = "signaled",	[HOOK_WAIT] = "fenceWait",
	[HOOK_RELEASE_FENCE] = "fenceRelease", [HOOK_DEADLINE] = "fenceDeadline", [HOOK_CALLBACK] = "callback",
	[HOOK_ATTACH] = "attach",	   [HOOK_DETACH] = "detach",		[HOOK_PIN] = "pin",
	[HOOK_UNPIN] = "unpin",		   [HOOK_MAP] = "map",			[HOOK_UNMAP] = "unmap",
	[HOOK_RELEASE] = "release",	   [HOOK_INVALIDATE] = "invalidate",	[HOOK_BEGIN_CPU] = "beginCpu",
	[HOOK_END_CPU] = "endCpu",	   [HOOK_MMAP] = "mmap",		[HOOK_CPU_FAULT] = "cpuFault",
	[HOOK_VMAP] = "vmap",		   [HOOK_VUNMAP] = "vunmap",		[HOOK_POLL_WAKE] = "pollWake",
};

static void interrupt(struct actor *actor, const s64 *arg, int count)
{
	if (arg[0] < 0 || arg[0] >= ACTORS)
		return skip("task");
	call();
	send_sig(SIGUSR1, actors[arg[0]].task, 1);
	ret(0);
}

static const struct operation own_operations[] = { { "interrupt", 1, interrupt }, {} };

static const struct operation *const tables[] = {
	own_operations,
	reservation_operations,
	reservation_list_operations,
	own_fence_operations,
	fence_operations,
	fence_wait_operations,
	container_operations,
	buffer_operations,
	importer_operations,
	moving_operations,
	view_operations,
	request_operations,
	sync_file_operations,
	file_operations,
};

/* The operation of this number, counted over all tables. */
const struct operation *operation_at(int number)
{
	const struct operation *operation;
	int table;

	for (table = 0; table < ARRAY_SIZE(tables); table++)
		for (operation = tables[table]; operation->name; operation++)
			if (!number--)
				return operation;
	return NULL;
}

struct actor *this_actor(void)
{
	struct actor *actor;

	if (!in_task())
		return NULL;
	for (actor = actors; actor < actors + ACTORS; actor++)
		if (actor->task == current)
			return actor;
	return NULL;
}

void skip(const char *why)
{
	record('k', " %s", why);
}

void call(void)
{
	record('c', "%s", "");
}

void ret(int errno)
{
	record('r', " %d", errno);
}

/* Time limits only have to keep their order and to end while the writer sleeps: see let_time_pass. */
long to_timeout(s64 timeout)
{
	if (timeout <= 0)
		return timeout;
	return timeout < 1000 ? 4 : 8;
}

static void carry_out(struct actor *actor, const struct order *order)
{
	const struct operation *operation = operation_at(order->op);

	actor->step = order->step;
	actor->misuse = order->flags & STEP_MISUSE;
	if (order->flags & STEP_INTERRUPTED)
		send_sig(SIGUSR1, current, 1);
	if (operation)
		operation->run(actor, order->arg, order->count);
	else if (order->op == UNLOCK_ALL)
		reservations_unlock_all(actor);
	else {
		sync_files_clear();
		buffers_clear();
		file_requests_clear();
	}
	if (order->flags & STEP_INTERRUPTED)
		flush_signals(current);
	actor->blocked = false;
	actor->asked = NULL;
	actor->waits = NULL;
}

#define MOST_DESCRIPTORS 256

/* The table of descriptors grows by waiting, which is nothing of what is tested: it is as large as it will be from the start. */
static void expand_descriptors(void)
{
	int numbers[MOST_DESCRIPTORS], at, count = 0;

	while (count < MOST_DESCRIPTORS && (numbers[count] = get_unused_fd_flags(0)) >= 0)
		count++;
	for (at = 0; at < count; at++)
		put_unused_fd(numbers[at]);
}

static DECLARE_COMPLETION(expanded);

static int actor_thread(void *data)
{
	struct actor *actor = data;

	if (actor->id == 0) {
		expand_descriptors();
		complete(&expanded);
	}
	allow_signal(SIGUSR1);
	while (!kthread_should_stop()) {
		/* Not to be woken by a signal that is meant for the next wait. */
		set_current_state(TASK_IDLE);
		if (!actor->busy) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		while (actor->first < actor->last)
			carry_out(actor, &actor->orders[actor->first++]);
		actor->first = actor->last = 0;
		actor->busy = false;
	}
	return 0;
}

bool anyone_busy(void)
{
	int at;

	for (at = 0; at < ACTORS; at++)
		if (actors[at].busy)
			return true;
	return false;
}

/* Interrupt work and ends of files that are put off run now, and whoever they wake. */
void settle(void)
{
	unsigned long flags;
	int round;

	for (round = 0; round < 4; round++) {
		local_irq_save(flags);
		irq_work_run();
		local_irq_restore(flags);
		cond_resched();
		flush_delayed_fput();
		cond_resched();
	}
}

void dispatch(struct actor *actor)
{
	actor->busy = true;
	wake_up_process(actor->task);
	cond_resched();
	settle();
}

void let_time_pass(void)
{
	settle();
	if (!anyone_busy())
		return;
	schedule_timeout_uninterruptible(20);
	settle();
}

int start_actors(void)
{
	int at;

	for (at = 0; at < ACTORS; at++) {
		struct task_struct *task;

		actors[at].orders = vmalloc(array_size(ORDERS, sizeof(struct order)));
		if (!actors[at].orders)
			return -ENOMEM;
		task = kthread_create(actor_thread, &actors[at], "conformance%d", at);

		if (IS_ERR(task))
			return PTR_ERR(task);
		actors[at].id = at;
		actors[at].step = -1;
		actors[at].task = task;
		sched_set_fifo(task);
		wake_up_process(task);
	}
	wait_for_completion(&expanded);
	return 0;
}

void stop_actors(void)
{
	int at;

	for (at = 0; at < ACTORS; at++) {
		if (actors[at].task)
			kthread_stop(actors[at].task);
		vfree(actors[at].orders);
	}
}
