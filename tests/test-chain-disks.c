/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which disk is which, where QEMU calls them otherwise than the document. */
#include "snapshot/chain.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/quoted/quoted.h"
#include "tests/scene/picture.h"

/* Under another name, at another place in the machine. */
Test(chain_disks, a_disk_is_known_by_what_it_runs_on)
{
    static const struct {
        const char *picture, *name;
    } cases[] = {
        {"disk0: base* <- a", "disk0"},
        {"disk0[active=top]: base*; + base <- top", "disk0"},
        {"disk0[active=top]: base* <- a*; + base <- top", "disk0"},
        {"disk0[active=a]: base* <- a <- b(unknown)", "disk0"},
        {"disk0[active=a]: base* <- b(unknown); + base <- a", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *p = picture_new(cases[i].picture);
        struct graph_disk *d = &p->graph.disks[0];

        graph_rename(d, "root");
        free(d->qdev);
        d->qdev = NULL;
        json_auto_t *names = chain_disk_names(&p->chain, &p->graph);
        const char *name = json_string_value(json_object_get(names, "root"));
        cr_expect(cases[i].name ? name && !strcmp(name, cases[i].name) : !name, "%s: %s",
                  cases[i].picture, name ? name : "unknown");
        picture_free(p);
    }
}

/* All that speaks of a disk goes along. */
Test(chain_disks, disks_exchange_their_names_and_one_that_is_away_makes_room)
{
    static const struct {
        const char *moves, *doc;
    } cases[] = {
        {"{'a':'b','b':'a'}", "{'disks':{'b':1,'a':2},'undo':{'disks':{'a':2}},"
                              "'snapshots':[{'disks':{'b':1},'memory':{'disk':'b'}}],"
                              "'pending':{'after':{'disks':{'b':3}},'promise':[{'disk':'b'}]}}"},
        {"{'b':'a'}", "{'disks':{'a-2':1,'a':2},'undo':{'disks':{'a':2}},"
                      "'snapshots':[{'disks':{'a-2':1},'memory':{'disk':'a-2'}}],"
                      "'pending':{'after':{'disks':{'a-2':3}},'promise':[{'disk':'a-2'}]}}"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct chain c = {
            .doc = quoted("{'disks':{'a':1,'b':2},'undo':{'disks':{'b':2}},"
                          "'snapshots':[{'disks':{'a':1},'memory':{'disk':'a'}}],"
                          "'pending':{'after':{'disks':{'a':3}},'promise':[{'disk':'a'}]}}")};
        json_auto_t *moves = quoted(cases[i].moves), *expected = quoted(cases[i].doc);

        chain_rename_disks(&c, moves);
        auto_free char *now = json_dumps(c.doc, JSON_COMPACT);
        cr_expect(json_equal(c.doc, expected), "%s: %s", cases[i].moves, now);
        json_decref(c.doc);
    }
}
