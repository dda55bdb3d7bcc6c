/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* One source for 6.12 and the newest series: every difference between them has its place here. */
#ifndef COMPAT_H
#define COMPAT_H

#include "conformance.h"

#if SINCE(7, 1)
#define move_callback invalidate_mappings
#define invalidate_buffer dma_buf_invalidate_mappings
#else
#define move_callback move_notify
#define invalidate_buffer dma_buf_move_notify
#endif

/* Memory of a process without anything special about it. */
#ifdef EMPTY_VMA_FLAGS
#define NO_VMA_FLAGS EMPTY_VMA_FLAGS
#else
#define NO_VMA_FLAGS 0
#endif

#if SINCE(7, 3)
#define enable_signaling_of dma_fence_enable_signaling
#else
#define enable_signaling_of dma_fence_enable_sw_signaling
#endif

#if SINCE(7, 0)
/* Signalling answers nothing; a form of its own tells whether it came too late. */
static inline int signal_fence(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	return 0;
}

static inline int signal_fence_at(struct dma_fence *fence, ktime_t time)
{
	dma_fence_signal_timestamp(fence, time);
	return 0;
}
#else
static inline int signal_fence(struct dma_fence *fence)
{
	return -dma_fence_signal(fence);
}

static inline int signal_fence_at(struct dma_fence *fence, ktime_t time)
{
	return -dma_fence_signal_timestamp(fence, time);
}
#endif

#if SINCE(6, 16)
#define create_fence_array(count, members, context, seqno, any) \
	dma_fence_array_create(count, members, context, seqno)
#else
#define create_fence_array(count, members, context, seqno, any) \
	dma_fence_array_create(count, members, context, seqno, any)
#endif

#endif
