-- What questions are read with. Run anew whenever the tables behind them change place.

-- The sum of few rows: sum() prepares for many in each group, which takes longer than to add up two numbers.
create or replace aggregate sales.sum_of_few(numeric) (
    sfunc = numeric_add,
    stype = numeric,
    combinefunc = numeric_add,
    parallel = safe
);

create or replace aggregate sales.sum_of_few(bigint) (
    sfunc = int8pl,
    stype = bigint,
    combinefunc = int8pl,
    parallel = safe
);

create or replace aggregate sales.sum_of_few(integer) (
    sfunc = int4_sum,
    stype = bigint,
    combinefunc = int8pl,
    parallel = safe
);
