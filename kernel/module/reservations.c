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
	return held && (actor->misuse || held->owner == actor->id);
}

static struct acquire *acquire_at(s64 slot)
{
	return slot >= 0 && slot < ACQUIRES ? &acquires[slot] : NULL;
}

/* The live context of the task; any one where that is the misuse. */
static bool acquire_usable(struct actor *actor, const struct acquire *acquire)
{
	return acquire && (actor->misuse || (acquire->live && acquire->actor == actor->id));
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

	if (!acquire_usable(actor, acquire))
		return skip("acquire");
	call();
	ww_acquire_done(&acquire->ctx);
	ret(0);
}

static void acquire_fini(struct actor *actor, const s64 *arg, int count)
{
	struct acquire *acquire = acquire_at(arg[0]);

	if (!acquire_usable(actor, acquire))
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

	if (!lock || (acquire && !acquire_usable(actor, acquire)))
		return skip("lock");
	/* Would sleep for ever: no drain could end it. */
	if (form != TRY && !actor->misuse && lock->owner == actor->id && (!ctx || lock->acquire != arg[1]))
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
