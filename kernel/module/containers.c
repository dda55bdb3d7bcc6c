// SPDX-License-Identifier: MIT OR GPL-2.0
/* Fences that consist of others: arrays, chains, and what merging makes. */
#include "compat.h"

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

const struct operation container_operations[] = {
	{ "createArray", 5, create_array },
	{ "createChain", 4, create_chain },
	{ "findSeqno", 2, find_seqno },
	{ "merge", 2, merge },
	{ }
};
