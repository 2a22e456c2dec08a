"""The benchmark: this product beside the sequence it replaces, and beside what the tools can do.

``sizes`` how much data · ``seed`` what is in it · ``platform`` real servers that hold it ·
``sites`` the product's own files · ``sequences`` the bare tools, as shell scripts ·
``contenders`` and ``peer`` who runs · ``verified`` that each did the work · ``measure``,
``containers`` and ``tooltime`` what it took · ``daily``, ``sides`` and ``growth`` who runs when ·
``result`` the samples · ``figures`` medians, ratios and goals · ``shown``, ``table``, ``markdown``
and ``plot`` what people see · ``scale`` what hundreds of volumes and thousands of snapshots cost.

A contender that failed ends the benchmark; it never appears in the table as a fast one.
"""
