// SPDX-License-Identifier: MIT OR GPL-2.0
/* The lists of reservation objects: who writes them, reads them and waits for what is in them. */
#include "compat.h"

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

const struct operation reservation_list_operations[] = {
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
