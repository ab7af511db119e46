"""nf_tables over NETLINK_NETFILTER: tables, chains, sets, maps and rules as requests; atomic batches; dumps.

``objects`` builds requests, ``expressions`` what rules are made of, ``transaction`` sends batches and reads what there
is. The nft program is neither needed nor used; it shows everything that is made here as if it had made it.

Every message begins with::

    struct nfgenmsg {         /* <linux/netfilter/nfnetlink.h> */
        __u8   nfgen_family;  /* NFPROTO_* */
        __u8   version;       /* 0 */
        __be16 res_id;        /* of batch delimiters: the subsystem */
    };
"""
