"""Where raters fail: by volume, by place, by covariate."""
