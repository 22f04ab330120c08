-- Views for people's own tools: sales without any column about a person, and a role that may read these and nothing
-- else. Run anew whenever the tables behind them change place.

create schema if not exists marts;

create or replace view marts.orders as
select
    order_key as order_id,
    state,
    effective_at as placed_at,
    day,
    channel,
    source,
    brand,
    store,
    campaign,
    coupon,
    currency,
    gross,
    discount,
    tax,
    shipping,
    units,
    cancelled,
    refunded,
    net,
    cancel_reason,
    refund_reason,
    return_reason,
    cancelled_at,
    refunded_at,
    returned_at,
    paid_at,
    shipped_at,
    promised_at,
    delivered_at,
    touchpoints
from sales.orders;

create or replace view marts.movements as
select
    order_key as order_id,
    kind,
    effective_at as happened_at,
    day,
    hour,
    channel,
    source,
    brand,
    store,
    campaign,
    currency,
    customer,
    reason,
    amount,
    units,
    discount,
    tax,
    shipping,
    first as first_purchase,
    late
from sales.movements;

create or replace view marts.lines as
select
    order_key as order_id,
    kind,
    line,
    effective_at as happened_at,
    day,
    channel,
    source,
    brand,
    store,
    campaign,
    currency,
    customer,
    reason,
    product,
    category,
    product_brand,
    department,
    quantity,
    amount,
    discount
from sales.lines;

create or replace view marts.daily as
select
    day,
    channel,
    source,
    brand,
    store,
    campaign,
    currency,
    customer,
    sum(rows) filter (where kind = 'sale') as orders,
    sum(amount) filter (where kind = 'sale') as gross,
    sum(units) filter (where kind = 'sale') as units,
    sum(amount) filter (where kind = 'cancellation') as cancelled,
    sum(amount) filter (where kind = 'refund') as refunded,
    sum(case kind when 'sale' then amount when 'cancellation' then -amount when 'refund' then -amount end) as net
from sales.daily
group by day, channel, source, brand, store, campaign, currency, customer;

create or replace view marts.product_months as
select
    month,
    product,
    category,
    product_brand,
    department,
    channel,
    source,
    brand,
    currency,
    sum(rows) filter (where sold) as lines,
    sum(quantity) filter (where kind = 'sale') as units,
    sum(amount) filter (where kind = 'sale') as sales,
    sum(amount) filter (where kind = 'cancellation') as cancelled,
    sum(amount) filter (where kind = 'refund') as refunded
from sales.products
group by month, product, category, product_brand, department, channel, source, brand, currency;

create or replace view marts.rewards as
select kind, effective_at as happened_at, day, channel, source, brand, coupon, campaign, campaign_type, points
from sales.reward_facts;

create or replace view marts.costs as
select
    kind,
    effective_at as happened_at,
    day,
    channel,
    source,
    brand,
    campaign,
    network,
    product,
    currency,
    amount,
    clicks,
    impressions
from sales.cost_facts;

create or replace view marts.exchange_rates as
select day, currency, base, rate
from sales.rate_facts;

do $$
begin
    if to_regrole('cdp_marts') is null then
        create role cdp_marts nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then raise warning 'the role cdp_marts is missing and may not be made; make it yourself';
end
$$;

do $$
begin
    if to_regrole('cdp_marts') is not null then
        grant usage on schema marts to cdp_marts;
        grant select on all tables in schema marts to cdp_marts;
    end if;
end
$$;
