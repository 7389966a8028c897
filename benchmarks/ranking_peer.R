# The loop over bootstraps in base R; prints seconds.
#   Rscript ranking_peer.R matrix.csv samples.csv SCHEME
arguments <- commandArgs(trailingOnly = TRUE)
values <- as.matrix(read.csv(arguments[1], header = FALSE))
samples <- as.matrix(read.csv(arguments[2], header = FALSE))
n <- ncol(values)
best <- function(x) rank(-x, ties.method = "min")
pairs <- subset(expand.grid(other = 1:n, one = 1:n), one != other)
schemes <- list(
  "mean-then-rank" = function(m) best(colMeans(m)),
  "rank-then-mean" = function(m) best(-rowMeans(apply(m, 1, best))),
  "test-then-rank" = function(m) {
    p <- mapply(function(a, b) {
      wilcox.test(m[, a], m[, b], alternative = "greater", exact = FALSE, paired = TRUE)$p.value
    }, pairs$one, pairs$other)
    best(tapply(p.adjust(p, "holm") <= 0.05, pairs$one, sum))
  }
)
scheme <- schemes[[arguments[3]]]
cat(system.time(for (row in seq_len(nrow(samples))) scheme(values[samples[row, ], ]))["elapsed"])
