// SPDX-License-Identifier: MIT OR GPL-2.0
/* Fences by number, their references, signals and status. Owners' hooks are in own_fence.c, waits in fence_waits.c. */
#include "compat.h"

struct fence_slot fences[FENCES];
static int next_fence = NAMED_FENCES;

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

static void signal_op(struct actor *actor, const s64 *arg, int count)
{
	struct dma_fence *fence = fence_at(arg[0]);

	if (!fence)
		return skip("fence");
	call();
	ret(software_signal(actor, arg[0]) ? 0 : signal_fence(fence));
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
	if (!fence || (!actor->misuse && test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->flags)))
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

const struct operation fence_operations[] = {
	{ "fenceGet", 1, fence_get },
	{ "fenceGetLive", 1, fence_get_live },
	{ "fencePut", 1, fence_put },
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
	{ "enableSignaling", 1, enable_signaling },
	{ "setFenceDeadline", 2, set_fence_deadline },
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

	fence_waits_reset();
	for (slot = 0; slot < next_fence; slot++)
		while (fences[slot].refs > 0 && !fences[slot].released) {
			fences[slot].refs--;
			dma_fence_put(fences[slot].fence);
		}
	software_reset();
	memset(fences, 0, sizeof(fences));
	next_fence = NAMED_FENCES;
}
