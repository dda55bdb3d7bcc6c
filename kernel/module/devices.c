// SPDX-License-Identifier: MIT OR GPL-2.0
/* Devices of the kernel's own that make buffers, asked as a user asks them. */
#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <linux/dma-heap.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/shmem_fs.h>
#include <uapi/linux/dma-heap.h>
#include <uapi/linux/fcntl.h>
#include <uapi/linux/udmabuf.h>
#include "requests.h"

static struct file *heap, *udmabuf, *card;

/* Opened once: a descriptor of each request's own would be nothing that is tested. */
static struct file *device_file(struct file **known, const char *path)
{
	if (!*known)
		*known = requests_open(path);
	if (IS_ERR(*known))
		pr_warn_once("no %s: %ld\n", path, PTR_ERR(*known));
	return *known;
}

static int allocate_from_heap(struct actor *actor, u64 size)
{
	struct dma_heap_allocation_data data = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	struct file *file = device_file(&heap, "dev/dma_heap/system");
	long result = IS_ERR(file) ? PTR_ERR(file) : 0;

	if (!result)
		result = request(actor, file, DMA_HEAP_IOCTL_ALLOC, &data, sizeof(data), false);
	return result ? result : data.fd;
}

/* Memory of a process that may not shrink, as udmabuf wants it. */
static int make_memory(u64 size)
{
	struct file *memory;
	int number = get_unused_fd_flags(O_CLOEXEC);

	if (number < 0)
		return number;
	memory = shmem_file_setup("conformance", PAGE_ALIGN(size), NO_VMA_FLAGS);
	if (IS_ERR(memory)) {
		put_unused_fd(number);
		return PTR_ERR(memory);
	}
	SHMEM_I(file_inode(memory))->seals = F_SEAL_SHRINK;
	fd_install(number, memory);
	return number;
}

static int create_udmabuf(struct actor *actor, u64 size)
{
	struct udmabuf_create data = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	struct file *file = device_file(&udmabuf, "dev/udmabuf");
	long result = IS_ERR(file) ? PTR_ERR(file) : make_memory(size);

	if (result < 0)
		return result;
	data.memfd = result;
	result = request(actor, file, UDMABUF_CREATE, &data, sizeof(data), false);
	close_fd(data.memfd);
	return result;
}

/* A dumb buffer of one row of bytes. Its handle goes as soon as there is a descriptor: then the buffer is all there is. */
static int create_dumb(struct actor *actor, u64 size)
{
	struct drm_mode_create_dumb data = { .width = size, .height = 1, .bpp = 8 };
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct drm_gem_close handle = {};
	struct file *file = device_file(&card, "dev/dri/card0");
	long result = IS_ERR(file) ? PTR_ERR(file) : 0;

	if (!result)
		result = request(actor, file, DRM_IOCTL_MODE_CREATE_DUMB, &data, sizeof(data), false);
	if (result)
		return result;
	prime.handle = handle.handle = data.handle;
	result = request(actor, file, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime, sizeof(prime), false);
	request(actor, file, DRM_IOCTL_GEM_CLOSE, &handle, sizeof(handle), false);
	return result ? result : prime.fd;
}

int devices_ask(struct actor *actor, u64 size, enum device_kind kind)
{
	switch (kind) {
	case DEVICE_HEAP:
		return allocate_from_heap(actor, size);
	case DEVICE_UDMABUF:
		return create_udmabuf(actor, size);
	case DEVICE_VGEM:
		return create_dumb(actor, size);
	}
	return -ENODEV;
}

void devices_exit(void)
{
	if (!IS_ERR_OR_NULL(heap))
		fput(heap);
	if (!IS_ERR_OR_NULL(udmabuf))
		fput(udmabuf);
	if (!IS_ERR_OR_NULL(card))
		fput(card);
}
