// SPDX-License-Identifier: MIT OR GPL-2.0
/* Plain fences that the program owns: how they are made, and their owner's hooks. */
#include "compat.h"

/* A plain fence of the program. First in it, as the kernel frees it by this address. */
struct own_fence {
	struct dma_fence base;
	spinlock_t lock;
	int slot;
	bool enable_fails;
};

static const char *name_of(struct dma_fence *fence)
{
	return "conformance";
}

static bool on_enable(struct dma_fence *fence)
{
	struct own_fence *own = container_of(fence, struct own_fence, base);

	record('h', " %d %d", HOOK_ENABLE, own->slot);
	record('H', " %d 0 %d %d", HOOK_ENABLE, own->slot, !own->enable_fails);
	return !own->enable_fails;
}

static bool on_signaled(struct dma_fence *fence)
{
	struct own_fence *own = container_of(fence, struct own_fence, base);
	bool done = fences[own->slot].done;

	record('h', " %d %d", HOOK_SIGNALED, own->slot);
	record('H', " %d 0 %d %d", HOOK_SIGNALED, own->slot, done);
	return done;
}

static long on_wait(struct dma_fence *fence, bool interruptible, long timeout)
{
	struct own_fence *own = container_of(fence, struct own_fence, base);
	long result = max(1L, timeout);

	record('h', " %d %d %d %ld", HOOK_WAIT, own->slot, interruptible, timeout);
	record('H', " %d 0 %d %d %ld %ld", HOOK_WAIT, own->slot, interruptible, timeout, result);
	return result;
}

static void on_release(struct dma_fence *fence)
{
	struct own_fence *own = container_of(fence, struct own_fence, base);

	record('h', " %d %d", HOOK_RELEASE_FENCE, own->slot);
	record('H', " %d 0 %d", HOOK_RELEASE_FENCE, own->slot);
	dma_fence_free(fence);
}

static void on_deadline(struct dma_fence *fence, ktime_t deadline)
{
	struct own_fence *own = container_of(fence, struct own_fence, base);

	record('h', " %d %d %lld", HOOK_DEADLINE, own->slot, deadline);
	record('H', " %d 0 %d %lld", HOOK_DEADLINE, own->slot, deadline);
}

/* Bits of a hook set as the host sends it. */
enum { HAS_ENABLE = 1, ENABLE_FAILS = 2, HAS_SIGNALED = 4, HAS_WAIT = 8, HAS_RELEASE = 16, HAS_DEADLINE = 32, WIDE = 64 };

/* One table for each set of hooks: which hooks there are is what the framework looks at. */
static struct dma_fence_ops tables[128];

static const struct dma_fence_ops *table_of(int hooks)
{
	struct dma_fence_ops *ops = &tables[hooks & 127];

	if (ops->get_driver_name)
		return ops;
	if (hooks & (HAS_ENABLE | ENABLE_FAILS))
		ops->enable_signaling = on_enable;
	if (hooks & HAS_SIGNALED)
		ops->signaled = on_signaled;
	if (hooks & HAS_WAIT)
		ops->wait = on_wait;
	if (hooks & HAS_RELEASE)
		ops->release = on_release;
	if (hooks & HAS_DEADLINE)
		ops->set_deadline = on_deadline;
#if !SINCE(7, 1)
	ops->use_64bit_seqno = hooks & WIDE;
#endif
	ops->get_timeline_name = name_of;
	ops->get_driver_name = name_of;
	return ops;
}

/* A fence that a user makes. Where nobody may sleep there is none, and a plain one behaves alike. */
static bool init_software(struct actor *actor, int slot, u32 seqno)
{
	struct dma_fence *fence;

	if (sections_open() || reservations_held(actor))
		return false;
	fence = software_fence(actor, slot, seqno);
	if (!fence) {
		skip("no software timeline");
		return true;
	}
	call();
	fence_bind(slot, fence);
	record('r', " 0 %llu", fence->context);
	return true;
}

/* fence, timeline, number, 64 bits, hooks, of a software timeline */
static void fence_init(struct actor *actor, const s64 *arg, int count)
{
	struct own_fence *own;
	int slot = arg[0], hooks = arg[4];

	if (slot < 0 || slot >= NAMED_FENCES || fences[slot].fence)
		return skip("fence");
	if (arg[5] && init_software(actor, slot, arg[2]))
		return;
	/* Not what is tested: it must not sleep, whatever section it is in. */
	own = kzalloc(sizeof(*own), GFP_ATOMIC);
	if (!own)
		return skip("memory");
	spin_lock_init(&own->lock);
	own->slot = slot;
	own->enable_fails = hooks & ENABLE_FAILS;
	call();
#if SINCE(7, 1)
	if (arg[3])
		dma_fence_init64(&own->base, table_of(hooks), &own->lock, timeline(arg[1]), arg[2]);
	else
#endif
		dma_fence_init(&own->base, table_of(hooks | (arg[3] ? WIDE : 0)), &own->lock, timeline(arg[1]), arg[2]);
	fence_bind(slot, &own->base);
	record('r', " 0 %llu", own->base.context);
}

static void finish_work(struct actor *actor, const s64 *arg, int count)
{
	if (arg[0] >= 0 && arg[0] < FENCES)
		fences[arg[0]].done = true;
}

const struct operation own_fence_operations[] = {
	{ "fenceInit", 6, fence_init },
	{ "finishWork", 1, finish_work },
	{ }
};
