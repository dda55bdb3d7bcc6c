// SPDX-License-Identifier: MIT OR GPL-2.0
/* Poll: what is ready now, and who sleeps until something is. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/wait.h>
#include "requests.h"

/* Somebody in the poll system call: on the queue from its first look until it goes. */
struct poller {
	struct poll_table_struct table;
	wait_queue_entry_t entry;
	wait_queue_head_t *queue;
	__poll_t wanted;
	int step;
	bool asleep;
	bool woken;
};

/* Under the queue's own lock. Whoever wakes everybody says nothing of what is ready. */
static int on_wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct poller *poller = container_of(entry, struct poller, entry);
	__poll_t ready = key_to_poll(key);
	bool input = !key || ready & EPOLLIN, output = key && ready & EPOLLOUT;

	record('h', " %d %d %d %d", HOOK_POLL_WAKE, poller->step, input, output);
	if (!key || ready & poller->wanted)
		poller->woken = true;
	record('H', " %d 0 %d %d %d", HOOK_POLL_WAKE, poller->step, input, output);
	return poller->woken && poller->asleep ? default_wake_function(entry, mode, sync, key) : 0;
}

static void on_queue(struct file *file, wait_queue_head_t *queue, struct poll_table_struct *table)
{
	struct poller *poller = container_of(table, struct poller, table);

	poller->queue = queue;
	add_wait_queue(queue, &poller->entry);
}

/* What is ready of what is asked for. */
static __poll_t look(struct file *file, __poll_t wanted, struct poll_table_struct *table)
{
	struct poll_table_struct none;

	if (!table) {
		init_poll_funcptr(&none, NULL);
		table = &none;
	}
	table->_key = wanted;
	return vfs_poll(file, table) & wanted;
}

/* Whether a wake-up ended the sleep, and not a signal. */
static bool sleep_until_woken(struct poller *poller)
{
	bool interrupted = false;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		poller->asleep = true;
		interrupted = signal_pending(current);
		if (poller->woken || interrupted)
			break;
		schedule();
	}
	poller->asleep = false;
	__set_current_state(TASK_RUNNING);
	interrupted = interrupted && !poller->woken;
	poller->woken = false;
	return !interrupted;
}

/* Polls once, or until something is ready or a signal comes; `tell` writes down the answer of each look. */
void poll_file(struct actor *actor, struct file *file, __poll_t wanted, bool sleep, void (*tell)(__poll_t ready))
{
	struct poller poller = { .wanted = wanted, .step = actor->step };
	__poll_t ready;

	init_poll_funcptr(&poller.table, on_queue);
	init_waitqueue_func_entry(&poller.entry, on_wake);
	poller.entry.private = current;
	call();
	ready = look(file, wanted, sleep ? &poller.table : NULL);
	tell(ready);
	if (!sleep)
		return;
	/* As long as it sleeps it has the file open. */
	get_file(file);
	while (!ready) {
		actor->polls = true;
		if (!sleep_until_woken(&poller)) {
			actor->polls = false;
			record('I', "%s", "");
			flush_signals(current);
			break;
		}
		actor->polls = false;
		call();
		ready = look(file, wanted, NULL);
		tell(ready);
	}
	if (poller.queue)
		remove_wait_queue(poller.queue, &poller.entry);
	fput(file);
}
