"""Simulates the sample data of an online marketplace, in the nine tables that layers/olist.yaml speaks of: sample/marketplace/*.csv.gz.

The shape is that of the Olist data set (nine tables, their columns, the states of Brazil); every row is drawn here, none is anybody's.

True parameters:

- 1,500 orders from September 2016 to August 2018, growing by 4 % a month, with twice as many in November 2017;
- of them 96.5 % delivered, 1 % cancelled, 1 % shipped, the rest in other states; one in twelve persons buys again;
- delivery takes a log-normal time with median 10 days, 1.6 times as long outside of the south-east; the promise is 22 days, so that about
  one in fourteen comes late;
- the score of a review is drawn around 4.3, and around 2.2 where the order came late;
- payment: credit card 74 %, boleto 19 %, voucher 5 %, debit card 2 %; payments of an order sum to its price and freight, to the cent.

    python3 scripts/sample_datasets/marketplace.py
"""

import csv
import gzip
import io
import pathlib
import random
from datetime import datetime, timedelta

OUT = pathlib.Path("sample/marketplace")

# State, share of customers, share of sellers, a city, the first digits of its zip codes, about where it is.
STATES = [
    ("SP", 42, 60, "sao paulo", "01", -23.5, -46.6), ("RJ", 13, 8, "rio de janeiro", "20", -22.9, -43.2),
    ("MG", 12, 9, "belo horizonte", "30", -19.9, -43.9), ("RS", 5, 4, "porto alegre", "90", -30.0, -51.2),
    ("PR", 5, 9, "curitiba", "80", -25.4, -49.3), ("SC", 4, 5, "florianopolis", "88", -27.6, -48.5),
    ("BA", 3, 1, "salvador", "40", -13.0, -38.5), ("DF", 2, 1, "brasilia", "70", -15.8, -47.9),
    ("ES", 2, 1, "vitoria", "29", -20.3, -40.3), ("GO", 2, 1, "goiania", "74", -16.7, -49.3),
    ("PE", 2, 1, "recife", "50", -8.0, -34.9), ("CE", 1, 0, "fortaleza", "60", -3.7, -38.5),
    ("PA", 1, 0, "belem", "66", -1.5, -48.5), ("MT", 1, 0, "cuiaba", "78", -15.6, -56.1),
]
SOUTH_EAST = {"SP", "RJ", "MG", "ES"}
CATEGORIES = [
    ("cama_mesa_banho", "bed_bath_table", 11, 90), ("beleza_saude", "health_beauty", 10, 120),
    ("esporte_lazer", "sports_leisure", 9, 110), ("moveis_decoracao", "furniture_decor", 8, 85),
    ("informatica_acessorios", "computers_accessories", 8, 115), ("utilidades_domesticas", "housewares", 7, 90),
    ("relogios_presentes", "watches_gifts", 6, 190), ("telefonia", "telephony", 5, 70), ("brinquedos", "toys", 4, 115),
    ("automotivo", "auto", 4, 135), ("ferramentas_jardim", "garden_tools", 4, 110), ("perfumaria", "perfumery", 3, 115),
    ("bebes", "baby", 3, 130), ("eletronicos", "electronics", 3, 60), ("papelaria", "stationery", 2, 90),
    ("pet_shop", "pet_shop", 2, 105),
]
NAMES = ["cautious", "quick", "kind", "fair"]


def write(name, head, rows):
    """A table as gzipped CSV, the same bytes on every run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / f"{name}.csv.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def moment(at):
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""


def main():
    chance = random.Random(20181)
    code = lambda: f"{chance.getrandbits(128):032x}"
    weights = lambda rows, place: [row[place] for row in rows]
    zips = {state[0]: [f"{state[4]}{chance.randrange(1000):03}" for _ in range(8)] for state in STATES}

    sellers = []
    for state in chance.choices(STATES, weights(STATES, 2), k=120):
        sellers.append([code(), chance.choice(zips[state[0]]), state[3], state[0]])
    products = []
    for name, _, share, price in chance.choices(CATEGORIES, weights(CATEGORIES, 2), k=420):
        cents = round(price * chance.lognormvariate(0, 0.7) * 100)
        size = [round(chance.uniform(*span)) for span in ((30, 64), (80, 3000), (1, 6), (100, 9000), (16, 70), (4, 50), (11, 60))]
        products.append(([code(), name if chance.random() > 0.015 else "", *size], cents, chance.choice(sellers)))

    persons, customers, orders, items, payments, reviews = [], [], [], [], [], []
    months = [(2016 + (8 + at) // 12, (8 + at) % 12 + 1) for at in range(24)]
    growth = [1.04**at * (2 if month == (2017, 11) else 1) for at, month in enumerate(months)]
    placed = []
    for year, month in chance.choices(months, growth, k=1500):
        day = datetime(year, month, 1) + timedelta(seconds=chance.uniform(0, 28 * 86_400))
        placed.append(day.replace(microsecond=0))
    for at in sorted(placed):
        if persons and chance.random() < 1 / 12:
            person, state, zip_code = chance.choice(persons)
        else:
            state = chance.choices(STATES, weights(STATES, 1))[0]
            person, zip_code = code(), chance.choice(zips[state[0]])
            persons.append((person, state, zip_code))
        customer, order = code(), code()
        customers.append([customer, person, zip_code, state[3], state[0]])
        status = chance.choices(["delivered", "canceled", "shipped", "unavailable", "invoiced", "processing"], [965, 10, 10, 6, 5, 4])[0]
        far = 1.0 if state[0] in SOUTH_EAST else 1.6
        approved = at + timedelta(minutes=chance.uniform(5, 1500)) if status not in {"unavailable"} else None
        handed = approved + timedelta(days=chance.uniform(0.5, 4)) if approved and status in {"delivered", "shipped"} else None
        arrived = handed + timedelta(days=7 * far * chance.lognormvariate(0, 0.55)) if handed and status == "delivered" else None
        promised = datetime(at.year, at.month, at.day) + timedelta(days=round(22 * far**0.4 + chance.uniform(-4, 6)))
        orders.append([order, customer, status, *(moment(time) for time in (at, approved, handed, arrived, promised))])
        due = 0
        if status != "unavailable":
            row, cents, seller = chance.choice(products)
            for number in range(1, chance.choices([1, 2, 3], [88, 9, 3])[0] + 1):
                if chance.random() < 0.3 and number > 1:
                    row, cents, seller = chance.choice(products)
                freight = round((900 + row[5] / 10 + 600 * (far > 1)) * chance.uniform(0.8, 1.6))
                due += cents + freight
                shipping = (approved or at) + timedelta(days=6)
                items.append([order, number, row[0], seller[0], moment(shipping), f"{cents / 100:.2f}", f"{freight / 100:.2f}"])
        kind = chance.choices(["credit_card", "boleto", "voucher", "debit_card"], [74, 19, 5, 2])[0]
        first = due if kind != "voucher" or chance.random() < 0.4 else due // 3
        parts = chance.choices([1, 2, 3, 4, 6, 8, 10], [40, 14, 12, 10, 9, 8, 7])[0] if kind == "credit_card" else 1
        payments.append([order, 1, kind, parts, f"{first / 100:.2f}"])
        if first < due:
            payments.append([order, 2, "credit_card", 1, f"{(due - first) / 100:.2f}"])
        if chance.random() < 0.98:
            late = arrived is not None and arrived.date() > promised.date()
            middle = 2.2 if late or status != "delivered" else 4.3
            score = min(5, max(1, round(chance.gauss(middle, 1.1))))
            asked = datetime.combine((arrived or promised).date(), datetime.min.time()) + timedelta(days=1)
            told = asked + timedelta(hours=chance.uniform(4, 96))
            said = f"A {chance.choice(NAMES)} seller, {score} of 5" if chance.random() < 0.4 else ""
            reviews.append([code(), order, score, "", said, moment(asked), moment(told)])

    places = []
    for state in STATES:
        for zip_code in zips[state[0]]:
            for _ in range(3):
                places.append([zip_code, f"{state[5] + chance.gauss(0, 0.1):.6f}", f"{state[6] + chance.gauss(0, 0.1):.6f}", state[3], state[0]])
    write("olist_orders_dataset", ["order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at",
                                   "order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date"], orders)
    write("olist_order_items_dataset", ["order_id", "order_item_id", "product_id", "seller_id", "shipping_limit_date", "price", "freight_value"], items)
    write("olist_order_payments_dataset", ["order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"], payments)
    write("olist_order_reviews_dataset", ["review_id", "order_id", "review_score", "review_comment_title", "review_comment_message",
                                          "review_creation_date", "review_answer_timestamp"], reviews)
    write("olist_customers_dataset", ["customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"], customers)
    write("olist_products_dataset", ["product_id", "product_category_name", "product_name_lenght", "product_description_lenght", "product_photos_qty",
                                     "product_weight_g", "product_length_cm", "product_height_cm", "product_width_cm"], [row for row, _, _ in products])
    write("olist_sellers_dataset", ["seller_id", "seller_zip_code_prefix", "seller_city", "seller_state"], sellers)
    write("olist_geolocation_dataset", ["geolocation_zip_code_prefix", "geolocation_lat", "geolocation_lng", "geolocation_city", "geolocation_state"], places)
    write("product_category_name_translation", ["product_category_name", "product_category_name_english"], [[a, b] for a, b, _, _ in CATEGORIES])


if __name__ == "__main__":
    main()
