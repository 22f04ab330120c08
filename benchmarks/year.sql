-- The totals of the rollups of sales, by DuckDB straight from the archive's files. Every order of the year is a
-- completed one with a card, so a customer is a subject, new until an order was worth something.
create temp table orders as
with sent as (
    select effective_at, source, channel, subject, decode(header) ->> '$.id' as event_id,
        from_json(
            decode(business[17:]),
            '{"properties": {"store": "varchar", "total": "decimal(18,2)", "discount": "decimal(18,2)",
              "currency": "varchar", "products": [{"product_id": "varchar", "category": "varchar", "brand": "varchar",
              "department": "varchar", "quantity": "decimal(18,2)", "total": "decimal(18,2)",
              "discount": "decimal(18,2)"}]}}'
        ).properties as sent
    from read_parquet(getvariable('files'))
    where name = 'Order Completed'
)
select *,
    case
        when bool_or(sent.total > 0) over (
            partition by subject
            order by effective_at, event_id
            rows between unbounded preceding and 1 preceding
        ) then 'returning'
        else 'new'
    end as customer
from sent;

create temp table hourly as
select date_trunc('hour', effective_at) as hour, channel, source, sent.currency, customer,
    sent.total > 0 as purchase, count(*) as rows, sum(sent.total) as amount, sum(sent.discount) as discount,
    sum(list_sum(list_transform(sent.products, lambda line: coalesce(line.quantity, 1)))) as units
from orders
group by all;

create temp table daily as
select effective_at::date as day, channel, source, sent.store, sent.currency, customer,
    sent.total > 0 as purchase, count(*) as rows, sum(sent.total) as amount, sum(sent.discount) as discount,
    sum(list_sum(list_transform(sent.products, lambda line: coalesce(line.quantity, 1)))) as units
from orders
group by all;

create temp table buyer_months as
select date_trunc('month', effective_at) as month, subject, channel, source, sent.currency, customer,
    sent.total > 0 as purchase, count(*) as rows, sum(sent.total) as amount, sum(sent.discount) as discount,
    sum(list_sum(list_transform(sent.products, lambda line: coalesce(line.quantity, 1)))) as units
from orders
group by all;

create temp table buyer_weeks as
select greatest(date_trunc('week', effective_at), date_trunc('month', effective_at)) as split_week, subject, channel, source, sent.currency, customer,
    sent.total > 0 as purchase, count(*) as rows, sum(sent.total) as amount, sum(sent.discount) as discount,
    sum(list_sum(list_transform(sent.products, lambda line: coalesce(line.quantity, 1)))) as units
from orders
group by all;

create temp table lines as
with listed as (
    select effective_at, channel, source, sent.store, sent.currency, customer, subject, event_id,
        unnest(sent.products, recursive := true), unnest(range(len(sent.products))) as place
    from orders
),
counted as (
    select *, quantity > 0 and total > 0 as sold
    from listed
)
select *,
    sold and row_number() over (partition by event_id, sold order by place) = 1 as orders,
    sold and row_number() over (partition by event_id, sold, product_id order by place) = 1 as orders_of_product,
    sold and row_number() over (partition by event_id, sold, category order by place) = 1 as orders_of_category,
    sold and row_number() over (partition by event_id, sold, brand order by place) = 1 as orders_of_product_brand,
    sold and row_number() over (partition by event_id, sold, department order by place) = 1 as orders_of_department
from counted;

create temp table categories as
select effective_at::date as day, channel, source, currency, customer, category, brand, department,
    sold, count(*) as rows, sum(quantity) as quantity, sum(total) as amount,
    sum(discount) as discount,
    count_if(orders) as orders,
    count_if(orders_of_category) as orders_of_category,
    count_if(orders_of_product_brand) as orders_of_product_brand,
    count_if(orders_of_department) as orders_of_department
from lines
group by all;

create temp table products as
select date_trunc('month', effective_at) as month, product_id, channel, source, currency, customer, category, brand,
    department, sold, count(*) as rows, sum(quantity) as quantity, sum(total) as amount,
    sum(discount) as discount,
    count_if(orders_of_product) as orders_of_product
from lines
group by all;

create temp table category_months as
select date_trunc('month', effective_at) as month, channel, source, currency, customer, category, brand, department,
    sold, count(*) as rows, sum(quantity) as quantity,
    sum(total) as amount, sum(discount) as discount,
    count_if(orders) as orders,
    count_if(orders_of_category) as orders_of_category,
    count_if(orders_of_product_brand) as orders_of_product_brand,
    count_if(orders_of_department) as orders_of_department
from lines
group by all;

create temp table store_years as
select date_trunc('year', effective_at) as year, store, channel, source, currency, customer, category, brand, department,
    sold, count(*) as rows, sum(quantity) as quantity,
    sum(total) as amount, sum(discount) as discount,
    count_if(orders) as orders,
    count_if(orders_of_category) as orders_of_category,
    count_if(orders_of_product_brand) as orders_of_product_brand,
    count_if(orders_of_department) as orders_of_department
from lines
group by all;

create temp table buyer_years as
select date_trunc('year', effective_at) as year, subject, channel, source, currency, customer, category, brand, department,
    sold, count(*) as rows, sum(quantity) as quantity,
    sum(total) as amount, sum(discount) as discount,
    count_if(orders) as orders,
    count_if(orders_of_category) as orders_of_category,
    count_if(orders_of_product_brand) as orders_of_product_brand,
    count_if(orders_of_department) as orders_of_department
from lines
group by all;

create temp table buyer_lines as
select date_trunc('month', effective_at) as month, subject, channel, source, currency, customer,
    sold, count(*) as rows, sum(quantity) as quantity,
    sum(total) as amount, sum(discount) as discount,
    count_if(orders) as orders
from lines
group by all;

create temp table product_years as
select date_trunc('year', effective_at) as year, product_id, channel, source, currency, customer, category, brand,
    department,
    sold, count(*) as rows, sum(quantity) as quantity,
    sum(total) as amount, sum(discount) as discount,
    count_if(orders_of_product) as orders_of_product
from lines
group by all;

create temp table product_buyers as
select date_trunc('year', effective_at) as year, product_id, subject, sold, count(*) as rows,
    sum(quantity) as quantity, sum(total) as amount, sum(discount) as discount,
    count_if(orders_of_product) as orders_of_product
from lines
group by all;

create temp table product_customers as
select date_trunc('year', effective_at) as year, product_id, sold, count(distinct subject) as customers
from lines
group by all;

create temp table baskets as
select event_id, channel, source, store, currency, customer,
    sold, count(*) as rows, sum(quantity) as quantity,
    sum(total) as amount, sum(discount) as discount,
    count_if(orders) as orders
from lines
group by all;
