// SPDX-License-Identifier: MIT OR GPL-2.0
/* Fences of the program, their owner's hooks, callbacks, waits and containers. */
#include "compat.h"

struct fence_slot fences[FENCES];
static int next_fence = NAMED_FENCES;
static struct callback callbacks[CALLBACKS];
static struct section sections[SECTIONS];

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

int fence_id(struct dma_fence *fence)
{
	int slot;

	for (slot = 0; slot < next_fence; slot++)
		if (fences[slot].fence == fence && !fences[slot].released)
			return slot;
	return -1;
}

/*
 * The one signaled fence that everybody is given where there is nothing to wait for. The contract's words know no fence
 * that is everybody's: each that is given it gets one of his own, which is born signaled and ends with what holds it.
 */
int fence_stub(struct dma_fence *fence)
{
	struct dma_fence *stub = dma_fence_get_stub();
	int old, id;

	dma_fence_put(stub);
	if (fence != stub || next_fence == FENCES)
		return -1;
	old = fence_id(fence);
	if (old >= 0)
		fences[old].fence = NULL;
	id = next_fence++;
	fences[id].fence = fence;
	record('S', " %d 0 %lld", id, ktime_to_ns(ktime_get()));
	return id;
}

void fence_stub_gone(int id)
{
	record('F', " %d", id);
	fences[id].released = true;
}

/* Fences that turn up from now on get this slot and those after it. */
int fences_known(void)
{
	return next_fence;
}

/* Fences that the core makes get the slots at the end. */
int fence_id_or_new(struct dma_fence *fence)
{
	int known = fence_id(fence);

	if (known >= 0 || next_fence == FENCES)
		return known;
	fences[next_fence].fence = fence;
	return next_fence++;
}

struct dma_fence *fence_at(s64 slot)
{
	if (slot < 0 || slot >= FENCES || fences[slot].released)
		return NULL;
	return fences[slot].fence;
}

void fence_gone(struct dma_fence *fence)
{
	int slot = fence_id(fence);

	if (slot >= 0)
		fences[slot].released = true;
}

void fence_bind(int slot, struct dma_fence *fence)
{
	fences[slot].fence = fence;
	fences[slot].refs = 1;
}

/* A call has answered a fence with a reference: one that is known, or a fresh one for the slot. */
int fence_answer(int slot, struct dma_fence *fence)
{
	int known = fence_id(fence);

	/* Known only because it did something before the call returned: it is the fresh one. */
	if (known >= NAMED_FENCES && !fences[known].refs) {
		record('N', " %d %d", known, slot);
		fences[known].fence = NULL;
		known = -1;
	}
	if (known < 0) {
		fences[slot].fence = fence;
		known = slot;
	}
	fences[known].refs++;
	return known;
}

void nested_call(const char *op, int fence)
{
	record('n', " %s %d", op, fence);
}

void nested_ret(void)
{
	record('m', "%s", "");
}

void fences_put_nested(struct dma_fence *fence)
{
	int id = fence_id_or_new(fence);

	nested_call("fencePut", id);
	dma_fence_put(fence);
	nested_ret();
}

static void fence_init(struct actor *actor, const s64 *arg, int count)
{
	struct own_fence *own;
	int slot = arg[0], hooks = arg[4];

	if (slot < 0 || slot >= NAMED_FENCES || fences[slot].fence)
		return skip("fence");
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

static void fence_get(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	dma_fence_get(fence);
	fences[arg[0]].refs++;
	ret(0);
}

static void fence_get_live(struct actor *actor, const s64 *arg, int count)
{
	int slot = arg[0];
	bool live;

	/* Once it is gone only a reader's section would make it safe to look. */
	if (slot < 0 || slot >= FENCES || !fences[slot].fence || fences[slot].released)
		return skip("fence");
	call();
	live = dma_fence_get_rcu(fences[slot].fence);
	if (live)
		fences[slot].refs++;
	record('r', " 0 %d", live);
}

static void fence_put(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence || !fences[arg[0]].refs)
		return skip("fence");
	call();
	fences[arg[0]].refs--;
	dma_fence_put(fence);
	ret(0);
}

static void finish_work(struct actor *actor, const s64 *arg, int count)
{
	if (arg[0] >= 0 && arg[0] < FENCES)
		fences[arg[0]].done = true;
}

static void signal_op(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	ret(signal_fence(fence));
}

static void signal_timestamp(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	ret(signal_fence_at(fence, arg[1]));
}

#if SINCE(7, 0)
static void check_and_signal_op(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	record('r', " 0 %d", dma_fence_check_and_signal(fence));
}
#endif

static void set_error(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	/* Too late, if something has signaled the fence meanwhile: its owner knows that. */
	if (!fence || test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags))
		return skip("signaled");
	call();
	dma_fence_set_error(fence, arg[1]);
	ret(0);
}

static void get_status(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	record('r', " 0 %d", dma_fence_get_status(fence));
}

static void is_signaled(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	record('r', " 0 %d", dma_fence_is_signaled(fence));
}

static void timestamp(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	record('r', " 0 %lld", ktime_to_ns(dma_fence_timestamp(fence)));
}

static void is_later(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *first = fence_at(arg[0]), *second = fence_at(arg[1]);

	if (!first || !second)
		return skip("fence");
	call();
	record('r', " 0 %d", dma_fence_is_later(first, second));
}

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

	if ((arg[0] >= 0 && !fence) || arg[1] < 0 || arg[1] >= CALLBACKS || callback->pending)
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

static void enable_signaling(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	enable_signaling_of(fence);
	ret(0);
}

static void set_fence_deadline(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	dma_fence_set_deadline(fence, arg[1]);
	ret(0);
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

	if (arg[0] < 0 || arg[0] >= SECTIONS || !section->open)
		return skip("section");
	call();
	dma_fence_end_signalling(section->cookie);
	section->open = false;
	record('r', " 0 %d", section->cookie);
}

/* slot, timeline, seqno, any, members */
static void create_array(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence_array *array;
	struct dma_fence **members;
	int at, size = count - 4;

	if (arg[0] < 0 || arg[0] >= NAMED_FENCES || fences[arg[0]].fence || size <= 0)
		return skip("fence");
	for (at = 4; at < count; at++)
		if (!fence_at(arg[at]) || !fences[arg[at]].refs)
			return skip("member");
	members = kmalloc_array(size, sizeof(*members), GFP_ATOMIC);
	if (!members)
		return skip("memory");
	for (at = 4; at < count; at++)
		members[at - 4] = fence_at(arg[at]);
	call();
	array = create_fence_array(size, members, timeline(arg[1]), arg[2], arg[3]);
	if (!array) {
		kfree(members);
		record('r', " 0 0 0");
		return;
	}
	for (at = 4; at < count; at++)
		fences[arg[at]].refs--;
	fence_bind(arg[0], &array->base);
	record('r', " 0 1 %llu", array->base.context);
}

/* slot, previous or -1, contained, seqno */
static void create_chain(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *previous = arg[1] < 0 ? NULL : fence_at(arg[1]), *contained = fence_at(arg[2]);
	struct dma_fence_chain *chain;

	if (arg[0] < 0 || arg[0] >= NAMED_FENCES || fences[arg[0]].fence || !contained || (arg[1] >= 0 && !previous))
		return skip("fence");
	call();
	chain = dma_fence_chain_alloc();
	if (!chain) {
		record('r', " 0 0 0 0");
		return;
	}
	dma_fence_chain_init(chain, previous, contained, arg[3]);
	if (previous)
		fences[arg[1]].refs--;
	fences[arg[2]].refs--;
	fence_bind(arg[0], &chain->base);
	record('r', " 0 1 %llu %llu", chain->base.context, chain->base.seqno);
}

static void find_seqno(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);
	int errno;

	if (!fence)
		return skip("fence");
	call();
	dma_fence_get(fence);
	errno = -dma_fence_chain_find_seqno(&fence, arg[1]);
	if (errno || !fence) {
		record('r', " %d -1", errno);
		dma_fence_put(fence);
		return;
	}
	record('r', " 0 %d", fence_id_or_new(fence));
	fences_put_nested(fence);
}

/* slot, fences */
static void merge(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *list[8], *merged, *member;
	struct dma_fence_unwrap cursors[8], cursor;
	int at, size = count - 1, id;
	bool fresh, array;

	if (arg[0] < 0 || arg[0] >= NAMED_FENCES || fences[arg[0]].fence || size <= 0 || size > ARRAY_SIZE(list))
		return skip("fence");
	for (at = 0; at < size; at++) {
		list[at] = fence_at(arg[at + 1]);
		if (!list[at])
			return skip("fence");
	}
	call();
	merged = __dma_fence_unwrap_merge(size, list, cursors);
	if (!merged) {
		record('r', " 0 -1 0 0 -1 0");
		return;
	}
	id = fence_answer(arg[0], merged);
	fresh = id == arg[0];
	array = fresh && dma_fence_is_container(merged);
	record_begin('r');
	record_more(" 0 %d %llu %llu %lld", id, merged->context, merged->seqno,
		    fresh && !array ? ktime_to_ns(dma_fence_timestamp(merged)) : -1LL);
	if (array)
		dma_fence_unwrap_for_each(member, &cursor, merged)
			record_more(" %d", fence_id_or_new(member));
	record_end();
}

const struct operation fence_operations[] = {
	{ "fenceInit", 5, fence_init },
	{ "fenceGet", 1, fence_get },
	{ "fenceGetLive", 1, fence_get_live },
	{ "fencePut", 1, fence_put },
	{ "finishWork", 1, finish_work },
	{ "signal", 1, signal_op },
	{ "signalTimestamp", 2, signal_timestamp },
#if SINCE(7, 0)
	{ "checkAndSignal", 1, check_and_signal_op },
#endif
	{ "setError", 2, set_error },
	{ "getStatus", 1, get_status },
	{ "isSignaled", 1, is_signaled },
	{ "timestamp", 1, timestamp },
	{ "isLater", 2, is_later },
	{ "addCallback", 2, add_callback },
	{ "removeCallback", 2, remove_callback },
	{ "enableSignaling", 1, enable_signaling },
	{ "setFenceDeadline", 2, set_fence_deadline },
	{ "waitFence", 3, wait_fence },
	{ "waitAny", 2, wait_any },
	{ "beginSignalling", 1, begin_signalling },
	{ "endSignalling", 1, end_signalling },
	{ "createArray", 5, create_array },
	{ "createChain", 4, create_chain },
	{ "findSeqno", 2, find_seqno },
	{ "merge", 2, merge },
	{ }
};

/* Whoever still waits for a fence of the program goes on. */
void fences_signal_all(void)
{
	int slot;

	for (slot = 0; slot < NAMED_FENCES; slot++)
		if (fences[slot].fence && !fences[slot].released && fences[slot].refs)
			signal_fence(fences[slot].fence);
}

void fences_reset(void)
{
	int slot;

	for (slot = 0; slot < CALLBACKS; slot++)
		if (callbacks[slot].pending && fence_id(callbacks[slot].fence) >= 0)
			dma_fence_remove_callback(callbacks[slot].fence, &callbacks[slot].cb);
	memset(callbacks, 0, sizeof(callbacks));
	for (slot = 0; slot < next_fence; slot++)
		while (fences[slot].refs > 0 && !fences[slot].released) {
			fences[slot].refs--;
			dma_fence_put(fences[slot].fence);
		}
	memset(fences, 0, sizeof(fences));
	memset(sections, 0, sizeof(sections));
	next_fence = NAMED_FENCES;
}
