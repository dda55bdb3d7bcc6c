// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The device that takes programs and gives histories, and the threads that play a program's tasks.
 *
 * What is written to the device is a batch of lines:
 *   P <id>                                     a program begins
 *   o <step> <task> <flags> <operation> <args> a step; operations by their place in the list the device starts with
 *   l <bytes>...                               longest segment of each device
 *   f <number>                                 the fault that our exporter or importer has in this program
 *   T                                          whoever waits with a time limit has waited long enough
 *   D                                          the program's own steps are over, the drain begins
 *   X                                          the program is over: everything it left is cleared away
 * What is read from it is the histories, each between a P and a V line.
 *
 * Threads of tasks have a higher real-time priority than the writer has while it writes: it goes on exactly when none of
 * them can. With one CPU that makes the order of everything a function of the program. (As an ordinary task it would be
 * given some time before them now and then.)
 */
#include <linux/debug_locks.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/miscdevice.h>
#include <linux/panic_notifier.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "compat.h"

struct actor actors[ACTORS];
int driver_step = -1;
bool running;
enum fault fault;
static u64 timelines[TIMELINES];
static long program_id;
static bool stopped;

const char *const hook_names[] = {
	[HOOK_ENABLE] = "enableSignaling", [HOOK_SIGNALED] = "signaled",	[HOOK_WAIT] = "fenceWait",
	[HOOK_RELEASE_FENCE] = "fenceRelease", [HOOK_DEADLINE] = "fenceDeadline", [HOOK_CALLBACK] = "callback",
	[HOOK_ATTACH] = "attach",	   [HOOK_DETACH] = "detach",		[HOOK_PIN] = "pin",
	[HOOK_UNPIN] = "unpin",		   [HOOK_MAP] = "map",			[HOOK_UNMAP] = "unmap",
	[HOOK_RELEASE] = "release",	   [HOOK_INVALIDATE] = "invalidate",	[HOOK_BEGIN_CPU] = "beginCpu",
	[HOOK_END_CPU] = "endCpu",
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
	fence_operations,
	buffer_operations,
	request_operations,
	sync_file_operations,
};

/* The operation of this number, counted over all tables. */
static const struct operation *operation_at(int number)
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

u64 timeline(int number)
{
	if (number < 0 || number >= TIMELINES)
		number = 0;
	if (!timelines[number])
		timelines[number] = dma_fence_context_alloc(1);
	return timelines[number];
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

/* Orders of the writer's own, for a task that has nothing to do any more. */
enum { UNLOCK_ALL = -1, CLEAR_BUFFERS = -2 };

static void carry_out(struct actor *actor, const struct order *order)
{
	const struct operation *operation = operation_at(order->op);

	actor->step = order->step;
	if (order->flags & STEP_INTERRUPTED)
		send_sig(SIGUSR1, current, 1);
	if (operation)
		operation->run(actor, order->arg, order->count);
	else if (order->op == UNLOCK_ALL)
		reservations_unlock_all(actor);
	else {
		sync_files_clear();
		buffers_clear();
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

static int actor_thread(void *data)
{
	struct actor *actor = data;

	if (actor->id == 0)
		expand_descriptors();
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

static bool anyone_busy(void)
{
	int at;

	for (at = 0; at < ACTORS; at++)
		if (actors[at].busy)
			return true;
	return false;
}

/* Interrupt work and ends of files that are put off run now, and whoever they wake. */
static void settle(void)
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

static void dispatch(struct actor *actor)
{
	actor->busy = true;
	wake_up_process(actor->task);
	cond_resched();
	settle();
}

static void let_time_pass(void)
{
	settle();
	if (!anyone_busy())
		return;
	schedule_timeout_uninterruptible(20);
	settle();
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

static void run_batch(char *batch)
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

static ssize_t device_write(struct file *file, const char __user *from, size_t count, loff_t *offset)
{
	char *batch;
	int result;

	if (count > 8u << 20)
		return -EFBIG;
	result = requests_prepare();
	if (result)
		return result;
	batch = vmalloc(count + 1);
	if (!batch)
		return -ENOMEM;
	if (copy_from_user(batch, from, count)) {
		vfree(batch);
		return -EFAULT;
	}
	batch[count] = 0;
	record_reset();
	sched_set_fifo_low(current);
	run_batch(batch);
	sched_set_normal(current, 0);
	vfree(batch);
	return count;
}

static ssize_t device_read(struct file *file, char __user *to, size_t count, loff_t *offset)
{
	return record_take(to, count, offset);
}

/* The first thing there is to read: what the numbers of operations and hooks stand for, and what this kernel is. */
static void introduce(void)
{
	const struct operation *operation;
	int at;

	for (at = 0; (operation = operation_at(at)) != NULL; at++)
		record_line("operation %s\n", operation->name);
	for (at = 0; at < HOOKS; at++)
		record_line("hook %s\n", hook_names[at]);
	record_line("fact lockdep %d\n", IS_ENABLED(CONFIG_PROVE_LOCKING));
	record_line("fact kasan %d\n", IS_ENABLED(CONFIG_KASAN));
	record_line("fact moveNotify %s\n",
		    SINCE(7, 1) ? "always" : IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY) ? "on" : "off");
	record_line("fact version %d.%d.%d\n", LINUX_VERSION_MAJOR, LINUX_VERSION_PATCHLEVEL, LINUX_VERSION_SUBLEVEL);
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.write = device_write,
	.read = device_read,
	.llseek = default_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmabuf_conformance",
	.fops = &device_operations,
};

static int on_panic(struct notifier_block *block, unsigned long event, void *data)
{
	running = false;
	pr_emerg("stopped in program %ld, step %d\n", program_id, driver_step);
	record_dump();
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = { .notifier_call = on_panic };

static int start_actors(void)
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
	return 0;
}

static void stop_actors(void)
{
	int at;

	for (at = 0; at < ACTORS; at++) {
		if (actors[at].task)
			kthread_stop(actors[at].task);
		vfree(actors[at].orders);
	}
}

static int __init conformance_init(void)
{
	int result = record_init();

	if (result)
		return result;
	/* The first who asks for it makes it, and that would be a signal in somebody's history. */
	dma_fence_put(dma_fence_get_stub());
	result = buffers_init();
	if (result)
		goto no_buffers;
	result = start_actors();
	if (!result)
		result = trace_init();
	if (!result)
		result = misc_register(&device);
	if (result)
		goto failed;
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	introduce();
	return 0;
failed:
	trace_exit();
	stop_actors();
	buffers_exit();
no_buffers:
	record_exit();
	return result;
}

static void __exit conformance_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	misc_deregister(&device);
	requests_exit();
	trace_exit();
	stop_actors();
	buffers_exit();
	record_exit();
}

module_init(conformance_init);
module_exit(conformance_exit);
MODULE_DESCRIPTION("Plays programs of the dma-buf conformance suite and records what happens");
MODULE_LICENSE("Dual MIT/GPL");
#if SINCE(6, 13)
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif
