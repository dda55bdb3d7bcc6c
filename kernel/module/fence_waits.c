// SPDX-License-Identifier: MIT OR GPL-2.0
/* Who waits for fences: callbacks, waits, and the sections in which nobody may. */
#include "compat.h"

static struct callback callbacks[CALLBACKS];
static struct section sections[SECTIONS];

static void on_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct callback *callback = container_of(cb, struct callback, cb);

	callback->pending = false;
	record('h', " %d %d %d", HOOK_CALLBACK, fence_id_or_new(fence), (int)(callback - callbacks));
	record('H', " %d 0 %d %d", HOOK_CALLBACK, fence_id_or_new(fence), (int)(callback - callbacks));
}

static void add_callback(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = arg[0] < 0 ? NULL : fence_at(arg[0]);
	struct callback *callback = &callbacks[arg[1]];
	int errno;

	if ((arg[0] >= 0 && !fence) || arg[1] < 0 || arg[1] >= CALLBACKS || (callback->pending && !actor->misuse))
		return skip("callback");
	call();
	/* Before, as it may run at once. */
	callback->pending = true;
	callback->used = fence;
	callback->fence = fence;
	errno = -dma_fence_add_callback(fence, &callback->cb, on_callback);
	if (errno)
		callback->pending = false;
	ret(errno);
}

static void remove_callback(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);
	struct callback *callback = &callbacks[arg[1]];
	bool removed;

	if (!fence || arg[1] < 0 || arg[1] >= CALLBACKS || !callback->used || callback->fence != fence)
		return skip("callback");
	call();
	removed = dma_fence_remove_callback(fence, &callback->cb);
	if (removed)
		callback->pending = false;
	record('r', " 0 %d", removed);
}

static void wait_fence(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);
	long left;

	if (!fence)
		return skip("fence");
	actor->slept = false;
	call();
	left = dma_fence_wait_timeout(fence, arg[1], to_timeout(arg[2]));
	record('r', " %ld %ld", left < 0 ? -left : 0, left);
	if (left == -ERESTARTSYS && actor->slept)
		flush_signals(current);
}

/* interruptible, timeout, fences */
static void wait_any(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *list[ARGUMENTS];
	u32 index = -1;
	long left;
	int at;

	for (at = 2; at < count; at++) {
		list[at - 2] = fence_at(arg[at]);
		if (!list[at - 2])
			return skip("fence");
	}
	actor->slept = false;
	call();
	left = dma_fence_wait_any_timeout(list, count - 2, arg[0], to_timeout(arg[1]), &index);
	record('r', " %ld %ld %d", left < 0 ? -left : 0, left, left > 0 ? (int)index : -1);
	/* It finds a signal only where it would sleep. */
	if (left == -ERESTARTSYS)
		flush_signals(current);
}

bool sections_open(void)
{
	int at;

	for (at = 0; at < SECTIONS; at++)
		if (sections[at].open)
			return true;
	return false;
}

static void begin_signalling(struct actor *actor, const s64 *arg, int count)
{
	struct section *section = &sections[arg[0]];

	if (arg[0] < 0 || arg[0] >= SECTIONS || section->open)
		return skip("section");
	call();
	section->cookie = dma_fence_begin_signalling();
	section->open = true;
	record('r', " 0 %d", section->cookie);
}

static void end_signalling(struct actor *actor, const s64 *arg, int count)
{
	struct section *section = &sections[arg[0]];

	if (arg[0] < 0 || arg[0] >= SECTIONS || !(section->open || actor->misuse))
		return skip("section");
	call();
	dma_fence_end_signalling(section->cookie);
	section->open = false;
	record('r', " 0 %d", section->cookie);
}

const struct operation fence_wait_operations[] = {
	{ "addCallback", 2, add_callback },
	{ "removeCallback", 2, remove_callback },
	{ "waitFence", 3, wait_fence },
	{ "waitAny", 2, wait_any },
	{ "beginSignalling", 1, begin_signalling },
	{ "endSignalling", 1, end_signalling },
	{ }
};

void fence_waits_reset(void)
{
	int slot;

	for (slot = 0; slot < CALLBACKS; slot++)
		if (callbacks[slot].pending && fence_id(callbacks[slot].fence) >= 0)
			dma_fence_remove_callback(callbacks[slot].fence, &callbacks[slot].cb);
	memset(callbacks, 0, sizeof(callbacks));
	memset(sections, 0, sizeof(sections));
}
