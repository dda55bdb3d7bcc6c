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
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/panic_notifier.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "compat.h"
#include "tasks.h"

static ssize_t device_write(struct file *file, const char __user *from, size_t count, loff_t *offset)
{
	char *batch;
	int result;

	if (count > 8u << 20)
		return -EFBIG;
	result = requests_prepare(file);
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

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	return views_mmap_device(vma);
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.write = device_write,
	.read = device_read,
	.mmap = device_mmap,
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

/* Before the one with which a User-Mode kernel ends its process. */
static struct notifier_block panic_block = { .notifier_call = on_panic, .priority = INT_MAX };

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
		result = probes_init();
	if (!result)
		result = file_requests_init();
	if (!result)
		result = misc_register(&device);
	if (result)
		goto failed;
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	introduce();
	return 0;
failed:
	file_requests_exit();
	probes_exit();
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
	file_requests_exit();
	probes_exit();
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
