// SPDX-License-Identifier: GPL-2.0-only
/*
 * tls.bpf.c - sight through TLS: probes on the calls that a mail server makes into its library
 *
 * Not loaded unless the operator turned sight on ("?": not of itself). user/sight/sight.c attaches
 * them to the mail server's own files, never to the library, which others use too; the rows of
 * its table say which call each of them is for.
 */
#include "bpf/tls.h"
#include <bpf/bpf_tracing.h>

/* SSL_set_fd(), SSL_set_rfd(), SSL_set_wfd(), gnutls_transport_set_int2(): session, int */
SEC("?uprobe")
int tls_on_fd(struct pt_regs *ctx)
{
	if (tls_on(PT_REGS_PARM1(ctx)))
		tls_bind(PT_REGS_PARM1(ctx), (__u32)PT_REGS_PARM2(ctx));
	return 0;
}

/* gnutls_transport_set_ptr(), _ptr2(): session, a descriptor that is called a pointer. Where it
 * is a real one no descriptor has its number, and the session is bound to nothing. */
SEC("?uprobe")
int tls_on_ptr(struct pt_regs *ctx)
{
	if (tls_on(PT_REGS_PARM1(ctx)))
		tls_bind(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
	return 0;
}

/* SSL_read(), gnutls_record_recv(): session, buffer, size */
SEC("?uprobe")
int tls_on_read(struct pt_regs *ctx)
{
	if (tls_on(PT_REGS_PARM1(ctx)))
		tls_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), 0);
	return 0;
}

/* SSL_read_ex(): session, buffer, size, where the count goes */
SEC("?uprobe")
int tls_on_read_ex(struct pt_regs *ctx)
{
	if (tls_on(PT_REGS_PARM1(ctx)))
		tls_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx));
	return 0;
}

/* the return of all of these */
SEC("?uretprobe")
int tls_on_return(struct pt_regs *ctx)
{
	tls_return(PT_REGS_RC(ctx));
	return 0;
}

/* SSL_write(), SSL_write_ex(), gnutls_record_send(): session, bytes, count */
SEC("?uprobe")
int tls_on_write(struct pt_regs *ctx)
{
	if (tls_on(PT_REGS_PARM1(ctx)))
		tls_send(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
	return 0;
}

/* SSL_free(), gnutls_deinit(), tls_free_context(): session */
SEC("?uprobe")
int tls_on_free(struct pt_regs *ctx)
{
	tls_drop(PT_REGS_PARM1(ctx));
	return 0;
}

/*
 * Postfix's tls_bio(): descriptor, timeout, session, handshake, read, write, buffer, count. Its
 * smtpd calls the library through these three function pointers, one of which is set, so this is
 * where its calls can be told from those of others.
 */
SEC("?uprobe")
int tls_on_bio(struct pt_regs *ctx)
{
	__u64 session = PT_REGS_PARM3(ctx), stack[2] = {};

	if (!tls_on(session))
		return 0;
	if (PT_REGS_PARM4(ctx))
		tls_bind(session, (__u32)PT_REGS_PARM1(ctx));
	/* the seventh and eighth argument are on the stack, above the return address */
	if (bpf_probe_read_user(stack, sizeof(stack), (const void *)(PT_REGS_SP(ctx) + 8)))
		return 0;
	if (PT_REGS_PARM5(ctx))
		tls_enter(session, stack[0], 0);
	else if (ctx->r9) /* the sixth; bpf_tracing.h has five */
		tls_send(session, stack[0], (__u32)stack[1]);
	return 0;
}

/* The end of any process, which for one that has no session is one look-up. */
SEC("?raw_tp/sched_process_exit")
int tls_on_exit(__attribute__((unused)) void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();

	if ((__u32)id == id >> 32) /* the process, not one of its threads */
		tls_gone();
	return 0;
}

char LICENSE[] SEC("license")
= "GPL";
