// SPDX-License-Identifier: MIT OR GPL-2.0
/* Reservation objects, their locks and acquire contexts. */
#include "compat.h"

struct reservation reservations[RESERVATIONS];
static struct acquire acquires[ACQUIRES];

struct reservation *reservation_at(s64 slot)
{
	struct reservation *found = slot >= 0 && slot < RESERVATIONS ? &reservations[slot] : NULL;

	if (!found)
		return NULL;
	if (!found->resv) {
		/* The host gives the first slots to the set-up's own objects, the others to those of buffers. */
		if (slot >= BUFFERS / 2)
			return NULL;
		dma_resv_init(&found->own);
		found->resv = &found->own;
		found->owner = -1;
		found->acquire = -1;
	}
	return found;
}

struct reservation *reservation_of(struct dma_resv *resv)
{
	int slot;

	for (slot = 0; slot < RESERVATIONS; slot++)
		if (reservations[slot].resv == resv)
			return &reservations[slot];
	return NULL;
}

int reservation_slot(struct reservation *resv)
{
	return resv - reservations;
}

bool reservation_held(struct actor *actor, struct reservation *held)
{
	return held && held->owner == actor->id;
}

static struct acquire *acquire_at(s64 slot)
{
	return slot >= 0 && slot < ACQUIRES ? &acquires[slot] : NULL;
}

static void acquire_init(struct actor *actor, const s64 *arg, int count)
{
	struct acquire *acquire = acquire_at(arg[0]);

	if (!acquire || acquire->live)
		return skip("acquire");
	call();
	ww_acquire_init(&acquire->ctx, &reservation_ww_class);
#ifdef CONFIG_DEBUG_WW_MUTEX_SLOWPATH
	/* Back-offs that depend on how many contexts were started since boot cannot be repeated. */
	acquire->ctx.deadlock_inject_interval = UINT_MAX;
	acquire->ctx.deadlock_inject_countdown = UINT_MAX;
#endif
	acquire->live = true;
	acquire->actor = actor->id;
	ret(0);
}

static void acquire_done(struct actor *actor, const s64 *arg, int count)
{
	struct acquire *acquire = acquire_at(arg[0]);

	if (!acquire || !acquire->live || acquire->actor != actor->id)
		return skip("acquire");
	call();
	ww_acquire_done(&acquire->ctx);
	ret(0);
}

static void acquire_fini(struct actor *actor, const s64 *arg, int count)
{
	struct acquire *acquire = acquire_at(arg[0]);

	if (!acquire || !acquire->live || acquire->actor != actor->id)
		return skip("acquire");
	call();
	ww_acquire_fini(&acquire->ctx);
	acquire->live = false;
	ret(0);
}

enum form { PLAIN, INTERRUPTIBLE, SLOW, SLOW_INTERRUPTIBLE, TRY };

static void take(struct actor *actor, const s64 *arg, enum form form)
{
	struct reservation *lock = reservation_at(arg[0]);
	struct acquire *acquire = form == TRY ? NULL : acquire_at(arg[1]);
	struct ww_acquire_ctx *ctx = acquire ? &acquire->ctx : NULL;
	int errno = 0;

	if (!lock || (acquire && (!acquire->live || acquire->actor != actor->id)))
		return skip("lock");
	/* Would sleep for ever: no drain could end it. */
	if (form != TRY && lock->owner == actor->id && (!ctx || lock->acquire != arg[1]))
		return skip("held");
	actor->explicit = lock;
	actor->slept = false;
	switch (form) {
	case PLAIN:
		errno = -dma_resv_lock(lock->resv, ctx);
		break;
	case INTERRUPTIBLE:
		errno = -dma_resv_lock_interruptible(lock->resv, ctx);
		break;
	case SLOW:
		dma_resv_lock_slow(lock->resv, ctx);
		break;
	case SLOW_INTERRUPTIBLE:
		errno = -dma_resv_lock_slow_interruptible(lock->resv, ctx);
		break;
	case TRY:
		errno = dma_resv_trylock(lock->resv) ? 0 : EBUSY;
		break;
	}
	actor->asked = NULL;
	if (!errno) {
		lock->owner = actor->id;
		lock->acquire = ctx ? arg[1] : -1;
	}
	record('L', " %d %d %d %d %d %d", reservation_slot(lock), (int)(ctx ? arg[1] : -1), form, errno, actor->name,
	       actor->slept);
	actor->explicit = NULL;
	if (errno == EINTR && actor->slept)
		flush_signals(current);
}

static void lock(struct actor *actor, const s64 *arg, int count)
{
	take(actor, arg, PLAIN);
}

static void lock_interruptible(struct actor *actor, const s64 *arg, int count)
{
	take(actor, arg, INTERRUPTIBLE);
}

static void lock_slow(struct actor *actor, const s64 *arg, int count)
{
	take(actor, arg, SLOW);
}

static void lock_slow_interruptible(struct actor *actor, const s64 *arg, int count)
{
	take(actor, arg, SLOW_INTERRUPTIBLE);
}

static void trylock(struct actor *actor, const s64 *arg, int count)
{
	take(actor, arg, TRY);
}

static void release(struct actor *actor, struct reservation *held)
{
	buffers_check_lists(held->resv);
	record('U', " %d %d", reservation_slot(held), actor->name);
	actor->explicit = held;
	held->owner = -1;
	held->acquire = -1;
	dma_resv_unlock(held->resv);
	actor->explicit = NULL;
}

/* An exporter of ours takes the lock of its buffer, and gives it up. */
void reservation_lock(struct actor *actor, struct reservation *resv)
{
	const s64 arg[] = { reservation_slot(resv), -1 };

	actor->name = 2;
	take(actor, arg, PLAIN);
}

void reservation_unlock(struct actor *actor, struct reservation *resv)
{
	release(actor, resv);
	actor->name = 0;
}

static void unlock(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *held = reservation_at(arg[0]);

	if (!reservation_held(actor, held))
		return skip("not held");
	release(actor, held);
}

static void reserve_fences(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);

	if (!reservation_held(actor, resv))
		return skip("not held");
	call();
	ret(-dma_resv_reserve_fences(resv->resv, arg[1]));
}

static void add_fence(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);
	struct dma_fence *fence = fence_at(arg[1]);

	if (!reservation_held(actor, resv) || !fence)
		return skip("not held");
	call();
	dma_resv_add_fence(resv->resv, fence, arg[2]);
	ret(0);
}

static void replace_fences(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);
	struct dma_fence *old = fence_at(arg[1]), *fence = fence_at(arg[2]);
	u64 context;

	if (!reservation_held(actor, resv) || !old || !fence)
		return skip("not held");
	context = old->context;
	call();
	dma_resv_replace_fences(resv->resv, context, fence, arg[3]);
	record('r', " 0 %llu", context);
}

static void copy_fences(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *to = reservation_at(arg[0]), *from = reservation_at(arg[1]);

	if (!reservation_held(actor, to) || !from)
		return skip("not held");
	call();
	ret(-dma_resv_copy_fences(to->resv, from->resv));
}

static void iterate_fences(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ids[64], usages[64], found = 0, at;

	if (!reservation_held(actor, resv))
		return skip("not held");
	call();
	dma_resv_for_each_fence(&cursor, resv->resv, arg[1], fence) {
		if (found == ARRAY_SIZE(ids))
			break;
		usages[found] = dma_resv_iter_usage(&cursor);
		ids[found++] = fence_id_or_new(fence);
	}
	record_begin('r');
	record_more(" 0 %d", found);
	for (at = 0; at < found; at++)
		record_more(" %d %d", ids[at], usages[at]);
	record_end();
}

static void get_fences(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);
	struct dma_fence **list = NULL;
	unsigned int found = 0, at;
	int errno;

	if (!resv)
		return skip("reservation");
	call();
	errno = -dma_resv_get_fences(resv->resv, arg[1], &found, &list);
	record_begin('r');
	record_more(" %d %u", errno, found);
	for (at = 0; at < found; at++)
		record_more(" %d", fence_id_or_new(list[at]));
	record_end();
	for (at = 0; at < found; at++)
		fences_put_nested(list[at]);
	kfree(list);
}

static void get_singleton(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);
	struct dma_fence *fence = NULL;
	int errno, id;

	if (!resv)
		return skip("reservation");
	call();
	errno = -dma_resv_get_singleton(resv->resv, arg[1], &fence);
	if (errno || !fence) {
		record('r', " %d -1", errno);
		return;
	}
	id = fence_answer(arg[2], fence);
	record('r', " 0 %d", id);
	/* Enabled, it outlives the program's reference until its members have signaled. */
	if (dma_fence_is_container(fence)) {
		nested_call("enableSignaling", id);
		enable_signaling_of(fence);
		nested_ret();
	}
	fences[id].refs--;
	fences_put_nested(fence);
}

static void wait_fences(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);
	long left;

	if (!resv)
		return skip("reservation");
	actor->slept = false;
	call();
	left = dma_resv_wait_timeout(resv->resv, arg[1], arg[2], to_timeout(arg[3]));
	record('r', " %ld %ld", left < 0 ? -left : 0, left);
	if (left == -ERESTARTSYS && actor->slept)
		flush_signals(current);
}

static void test_signaled(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);

	if (!resv)
		return skip("reservation");
	call();
	record('r', " 0 %d", dma_resv_test_signaled(resv->resv, arg[1]));
}

static void set_deadline(struct actor *actor, const s64 *arg, int count)
{
	struct reservation *resv = reservation_at(arg[0]);

	if (!resv)
		return skip("reservation");
	call();
	dma_resv_set_deadline(resv->resv, arg[1], arg[2]);
	ret(0);
}

const struct operation reservation_operations[] = {
	{ "acquireInit", 1, acquire_init },
	{ "acquireDone", 1, acquire_done },
	{ "acquireFini", 1, acquire_fini },
	{ "lock", 2, lock },
	{ "lockInterruptible", 2, lock_interruptible },
	{ "lockSlow", 2, lock_slow },
	{ "lockSlowInterruptible", 2, lock_slow_interruptible },
	{ "trylock", 1, trylock },
	{ "unlock", 1, unlock },
	{ "reserveFences", 2, reserve_fences },
	{ "addFence", 3, add_fence },
	{ "replaceFences", 4, replace_fences },
	{ "copyFences", 2, copy_fences },
	{ "iterateFences", 2, iterate_fences },
	{ "getFences", 2, get_fences },
	{ "getSingleton", 3, get_singleton },
	{ "waitFences", 4, wait_fences },
	{ "testSignaled", 2, test_signaled },
	{ "setDeadline", 3, set_deadline },
	{ }
};

/* Whether the task holds any lock of the class, or an acquire context, which counts as one. */
bool reservations_held(struct actor *actor)
{
	int slot;

	for (slot = 0; slot < RESERVATIONS; slot++)
		if (reservations[slot].resv && reservations[slot].owner == actor->id)
			return true;
	for (slot = 0; slot < ACQUIRES; slot++)
		if (acquires[slot].live && acquires[slot].actor == actor->id)
			return true;
	return false;
}

/* What the program left: nothing of this is part of the history. */
void reservations_unlock_all(struct actor *actor)
{
	int slot;

	for (slot = 0; slot < RESERVATIONS; slot++)
		if (reservations[slot].resv && reservations[slot].owner == actor->id) {
			reservations[slot].owner = -1;
			dma_resv_unlock(reservations[slot].resv);
		}
	for (slot = 0; slot < ACQUIRES; slot++)
		if (acquires[slot].live && acquires[slot].actor == actor->id) {
			ww_acquire_fini(&acquires[slot].ctx);
			acquires[slot].live = false;
		}
}

void reservations_reset(void)
{
	int slot;

	for (slot = 0; slot < RESERVATIONS; slot++) {
		if (reservations[slot].resv == &reservations[slot].own)
			dma_resv_fini(&reservations[slot].own);
		reservations[slot].resv = NULL;
	}
}
