# The definitions of rankings in base R, the oracle of test_against_r.py:
#   Rscript definitions.R generated.csv generated_pairs_r.csv generated_ranks_r.csv
# Columns of the table: task, algorithm (or alg_name), case, value; larger is better, nothing is missing.
arguments <- commandArgs(trailingOnly = TRUE)
scores <- read.csv(arguments[1], stringsAsFactors = FALSE)
names(scores)[names(scores) == "alg_name"] <- "algorithm"

pairs_of <- function(task) {
  wide <- tapply(task$value, list(task$case, task$algorithm), identity)
  algorithms <- colnames(wide)
  pairs <- subset(expand.grid(other = algorithms, algorithm = algorithms, stringsAsFactors = FALSE),
                  algorithm != other)[, 2:1]
  pairs$p <- mapply(function(a, b) {
    suppressWarnings(wilcox.test(wide[, a], wide[, b], alternative = "greater", exact = FALSE, paired = TRUE)$p.value)
  }, pairs$algorithm, pairs$other)
  pairs$p_holm <- p.adjust(pairs$p, method = "holm")
  cbind(task = task$task[1], pairs)
}

ranks_of <- function(task, pairs) {
  best <- function(x) rank(-x, ties.method = "min")
  task$rank <- ave(task$value, task$case, FUN = best)
  wins <- tapply(!is.na(pairs$p_holm) & pairs$p_holm <= 0.05, pairs$algorithm, sum)
  by_algorithm <- function(x, FUN) tapply(x, task$algorithm, FUN)
  values <- list(
    "mean-then-rank" = by_algorithm(task$value, mean),
    "median-then-rank" = by_algorithm(task$value, median),
    "rank-then-mean" = by_algorithm(task$rank, mean),
    "rank-then-median" = by_algorithm(task$rank, median),
    "test-then-rank" = wins / (length(wins) - 1)
  )
  do.call(rbind, lapply(names(values), function(scheme) {
    found <- values[[scheme]]
    sign <- if (startsWith(scheme, "rank")) -1 else 1
    data.frame(scheme = scheme, task = task$task[1], algorithm = names(found), value = as.numeric(found),
               rank = as.numeric(best(sign * found)))
  }))
}

tasks <- split(scores, scores$task)
pairs <- lapply(tasks, pairs_of)
ranks <- Map(ranks_of, tasks, pairs)
pairs <- do.call(rbind, pairs)
pairs$p <- sprintf("%.17g", pairs$p)
pairs$p_holm <- sprintf("%.17g", pairs$p_holm)
ranks <- do.call(rbind, ranks)
ranks$value <- sprintf("%.17g", ranks$value)
write.csv(pairs, arguments[2], row.names = FALSE, quote = FALSE)
write.csv(ranks, arguments[3], row.names = FALSE, quote = FALSE)
