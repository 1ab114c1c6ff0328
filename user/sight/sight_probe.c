// SPDX-License-Identifier: BSD-2-Clause
/* One file of a mail server: which of the calls it makes can be probed, and the probes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sight_private.h"

/* A call that is probed. */
struct call {
	const char *name;
	const char *program;
	bool returns; /* the count it returns is wanted too */
	unsigned int roles;
	enum sight_library library;
};

/* In the order of their setting: a session that is bound must find all others in place. */
static const struct call calls[] = {
	{ "SSL_free", "tls_on_free", false, 0, SIGHT_OPENSSL },
	{ "SSL_read", "tls_on_read", true, SIGHT_READ, SIGHT_OPENSSL },
	{ "SSL_read_ex", "tls_on_read_ex", true, SIGHT_READ, SIGHT_OPENSSL },
	{ "SSL_write", "tls_on_write", false, SIGHT_WRITE, SIGHT_OPENSSL },
	{ "SSL_write_ex", "tls_on_write", false, SIGHT_WRITE, SIGHT_OPENSSL },
	{ "SSL_set_fd", "tls_on_fd", false, SIGHT_BIND, SIGHT_OPENSSL },
	{ "SSL_set_rfd", "tls_on_fd", false, SIGHT_BIND, SIGHT_OPENSSL },
	{ "SSL_set_wfd", "tls_on_fd", false, SIGHT_BIND, SIGHT_OPENSSL },
	{ "gnutls_deinit", "tls_on_free", false, 0, SIGHT_GNUTLS },
	{ "gnutls_record_recv", "tls_on_read", true, SIGHT_READ, SIGHT_GNUTLS },
	{ "gnutls_record_send", "tls_on_write", false, SIGHT_WRITE, SIGHT_GNUTLS },
	{ "gnutls_transport_set_int2", "tls_on_fd", false, SIGHT_BIND, SIGHT_GNUTLS },
	{ "gnutls_transport_set_ptr", "tls_on_ptr", false, SIGHT_BIND, SIGHT_GNUTLS },
	{ "gnutls_transport_set_ptr2", "tls_on_ptr", false, SIGHT_BIND, SIGHT_GNUTLS },
	{ "tls_free_context", "tls_on_free", false, 0, SIGHT_POSTFIX },
	{ "tls_bio", "tls_on_bio", true, SIGHT_ALL, SIGHT_POSTFIX },
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* usable - there is a place, and it is the mail server's own. A private copy of the library is
 * not probed: its functions are called through the stubs that are. */
static bool usable(const struct call *call, const struct sight_symbol *symbol, bool executable)
{
	if (call->library == SIGHT_POSTFIX)
		return symbol->place == SIGHT_OWN;
	return symbol->place == SIGHT_STUB || (symbol->place == SIGHT_OWN && executable);
}

/* set_one - one probe, held by its link */
static int set_one(const struct loader *loader, const char *program, int fd, uint64_t offset,
		   bool at_return, struct sight_file *file, struct error *e)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = at_return);
	struct bpf_program *p = loader_program(loader, program);
	struct bpf_link *link;
	char path[32];

	if (!p || file->link_count == SIGHT_LINKS_MAX)
		return error_set(e, -ENOENT, "no program %s", program);
	/* the file that was read, whatever stands at its path by now */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link = bpf_program__attach_uprobe_opts(p, -1, path, offset, &options);
	if (!link)
		return error_set(e, -errno, "the kernel refuses a probe: %s", strerror(errno));
	file->links[file->link_count++] = link;
	return 0;
}

/* set_call - the return before the entry: an entry that was seen is waited for */
static int set_call(const struct loader *loader, const struct call *call,
		    const struct sight_symbol *symbol, int fd, struct sight_file *file,
		    struct error *e)
{
	int rc = 0;

	if (call->returns)
		rc = set_one(loader, "tls_on_return", fd, symbol->offset, true, file, e);
	if (!rc)
		rc = set_one(loader, call->program, fd, symbol->offset, false, file, e);
	if (!rc)
		file->shown.roles[call->library] |= call->roles;
	return rc;
}

/* sight_probe - see sight_private.h */
int sight_probe(const struct loader *loader, int fd, bool executable, struct sight_file *file,
		struct error *e)
{
	struct sight_symbol symbols[CALLS];
	int rc;

	for (size_t i = 0; i < CALLS; i++)
		symbols[i] = (struct sight_symbol) { .name = calls[i].name };
	rc = sight_elf_read(fd, symbols, CALLS, &file->elf, e);
	for (size_t i = 0; !rc && i < CALLS; i++) {
		if (symbols[i].place == SIGHT_POINTER && calls[i].roles & SIGHT_READ)
			file->shown.pointer = true;
		if (usable(&calls[i], &symbols[i], executable))
			rc = set_call(loader, &calls[i], &symbols[i], fd, file, e);
	}
	if (rc)
		sight_release(file);
	return rc;
}

/* sight_release - in the reverse order: no session begins while its reads go unseen */
void sight_release(struct sight_file *file)
{
	while (file->link_count)
		bpf_link__destroy(file->links[--file->link_count]);
}
