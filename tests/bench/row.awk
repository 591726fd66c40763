# SPDX-License-Identifier: GPL-2.0-or-later
#
# row: one line of the table, from a file that spawn wrote.
#
#   column   which figure: 2 milliseconds, 3 KiB, 4 stall in milliseconds
#   self     the label of ours; other: the label to compare with, or "" (the goal is absolute)
#   unit     ms, us, MiB, KiB (of the figures of column 3) or /s (calls: how many a run made)
#   goal     the limit of ratio or median; "at least" where more=1; none where empty
#
# Median and, as spread, the median of the distances from it.

function median(v, n,    i, j, t) {
    for (i = 2; i <= n; i++) {
        t = v[i]
        for (j = i - 1; j > 0 && v[j] > t; j--)
            v[j + 1] = v[j]
        v[j + 1] = t
    }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function spread(v, n, m,    i, d) {
    for (i = 1; i <= n; i++)
        d[i] = v[i] > m ? v[i] - m : m - v[i]
    return median(d, n)
}

function value(x) {
    return unit == "MiB" ? x / 1024 : unit == "/s" ? calls * 1000 / x : x
}

function short(x) {
    return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x)
}

function shown(m, s) {
    return sprintf("%s ±%s %s", short(m), short(s), unit)
}

# Padded by characters, whatever awk counts in ±.
function pad(text, width,    seen) {
    seen = text
    gsub(/±|µ/, "?", seen)
    return sprintf("%s%*s", text, width > length(seen) ? width - length(seen) : 0, "")
}

$1 == self { a[++n] = value($column) }
$1 == other { b[++k] = value($column) }

END {
    if (!n || (other != "" && !k)) {
        printf "%-30s not measured\n", title
        exit 1
    }
    m = median(a, n)
    figure = m
    against = ratio = ""
    if (other != "") {
        o = median(b, k)
        figure = m / o
        ratio = sprintf("%.3f", figure)
        against = pad(other, 6) shown(o, spread(b, k, o))
    }
    line = pad(title, 30) sprintf("%4d  ", n) pad(shown(m, spread(a, n, m)), 20) \
           pad(against, 26) sprintf("%7s", ratio)
    if (goal != "") {
        reached = more ? figure >= goal : figure <= goal
        line = line sprintf("  %s %-9s %s", more ? ">=" : "<=", goal (other == "" ? " " unit : ""),
                            reached ? "reached" : "NOT reached")
    }
    print line
}
