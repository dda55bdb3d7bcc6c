// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Fences of software timelines, which a user makes and signals through debugfs (CONFIG_SW_SYNC). Each has a timeline of its
 * own here, whose next value signals it, and comes in by its sync file. What they do is what a plain fence without hooks does.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sync_file.h>
#include "requests.h"

/* As the driver has them: no header of user space does. */
struct software_fence {
	u32 value;
	char name[32];
	s32 fence;
};

#define CREATE_FENCE _IOWR('W', 0, struct software_fence)
#define INCREMENT _IOW('W', 1, u32)

static struct file *timelines[NAMED_FENCES];

/* A descriptor's file ends here and now, as it does where a user's task leaves the system call. */
static void close_now(int number)
{
	struct file *file = fget(number);

	close_fd(number);
	if (file)
		__fput_sync(file);
}

/* The fence, with a reference; NULL where none can be made. */
struct dma_fence *software_fence(struct actor *actor, int slot, u32 seqno)
{
	struct software_fence data = { .value = seqno };
	struct file *file = requests_open("sys/kernel/debug/sync/sw_sync");
	struct dma_fence *fence;

	if (IS_ERR(file)) {
		pr_warn_once("no sw_sync: %ld\n", PTR_ERR(file));
		return NULL;
	}
	if (request(actor, file, CREATE_FENCE, &data, sizeof(data), false)) {
		__fput_sync(file);
		return NULL;
	}
	fence = sync_file_get_fence(data.fence);
	close_now(data.fence);
	timelines[slot] = file;
	return fence;
}

/* Whether the fence was pending and of such a timeline: then it is signaled now. */
bool software_signal(struct actor *actor, int slot)
{
	struct dma_fence *fence = fences[slot].fence;
	u32 value = fence->seqno;

	if (slot >= NAMED_FENCES || !timelines[slot] || test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags))
		return false;
	/* Also where nobody may touch a user's memory: what is asked for is there. */
	pagefault_disable();
	request(actor, timelines[slot], INCREMENT, &value, sizeof(value), false);
	pagefault_enable();
	return true;
}

void software_reset(void)
{
	int slot;

	for (slot = 0; slot < NAMED_FENCES; slot++) {
		if (timelines[slot])
			__fput_sync(timelines[slot]);
		timelines[slot] = NULL;
	}
}
