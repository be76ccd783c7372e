//! Questions about the layer of the online marketplace: other words for the same thing, and words that make it another thing.

use super::{Reading, Words};
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::layer::Layer;
use jiff::civil::date;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| {
        let file = Path::new("layers/olist.yaml");
        Words::new(Arc::new(Layer::load(file).expect("the layer of the marketplace")))
    })
}

fn read(question: &str) -> Reading {
    words().read(question, date(2018, 10, 17))
}

fn intent(question: &str) -> Intent {
    match read(question) {
        Reading::Data(asked) => asked.intent,
        other => panic!("`{question}` was not understood: {other:?}"),
    }
}

/// Questions that each ask something else.
const DISTINCT: &[&str] = &[
    "revenue",
    "revenue in Q3 2017",
    "revenue in Q2 2017",
    "revenue in Q3 2018",
    "revenue in July 2017",
    "revenue in 2017",
    "revenue since 2017",
    "revenue before 2017",
    "revenue after 2017",
    "revenue from 2016 to 2017",
    "revenue 2016 versus 2017",
    "revenue 2017 versus 2018",
    "revenue by month",
    "revenue by quarter",
    "revenue by year",
    "revenue by state",
    "revenue by city",
    "revenue by seller state",
    "revenue by product category",
    "revenue by payment method",
    "revenue by seller",
    "revenue by payment method in 2017",
    "revenue by month in 2017",
    "revenue excluding freight",
    "freight",
    "revenue from SP",
    "revenue from RJ",
    "revenue from SP or RJ",
    "revenue in SP versus RJ",
    "percentage of revenue from SP",
    "share of revenue by category",
    "which state has the highest revenue",
    "which states have the highest revenue",
    "which states have the lowest revenue",
    "top 5 states by revenue",
    "top 6 states by revenue",
    "bottom 5 states by revenue",
    "states sorted by revenue",
    "total payment value",
    "average payment",
    "orders",
    "orders in 2017",
    "orders in 2018",
    "orders by status",
    "orders by hour of the day",
    "orders by day of the week",
    "cancelled orders",
    "orders that are not cancelled",
    "cancellation rate",
    "deliveries in 2017",
    "orders delivered per month in 2017",
    "orders paid by boleto",
    "orders paid by voucher",
    "share of orders paid by boleto",
    "customers",
    "customers in 2017",
    "customers by state",
    "customers in SP",
    "orders and customers in 2017",
    "orders per customer",
    "revenue per customer",
    "how many customers ordered more than once",
    "repeat purchase rate",
    "repeat purchase rate by state",
    "repeat purchase rate by city",
    "sellers",
    "sellers by state",
    "sellers in Curitiba",
    "customers in Curitiba",
    "which state has the most sellers",
    "which state has the most customers",
    "average order value",
    "average order value in 2017",
    "average order value by state",
    "items",
    "items per order",
    "how many orders have more than one item",
    "share of orders with more than one item",
    "how many orders contain items from more than one seller",
    "average price",
    "average price by category",
    "price of the most expensive item",
    "average freight per item",
    "average freight per order",
    "average weight by category",
    "how many categories are there",
    "how many states are there",
    "how many cities are there",
    "products without a category",
    "reviews",
    "reviews with a comment",
    "reviews without a comment",
    "distribution of review scores",
    "average review score",
    "average review score by category",
    "average review score in 2017",
    "average review score of late orders",
    "average review score of orders delivered on time",
    "5 star reviews",
    "1 star reviews",
    "1 and 5 star reviews",
    "reviews with a score of at least 4",
    "reviews with a score below 3",
    "percentage of 5 star reviews",
    "what share of reviews are 4 or 5 stars",
    "reviews written per month in 2018",
    "reviews per month in 2018",
    "which categories have the highest review score",
    "which categories have the lowest review score",
    "percentage of orders delivered on time",
    "percentage of orders delivered on time in 2017",
    "percentage of orders that were late",
    "how many orders were delivered on time",
    "how many orders were delivered late",
    "which sellers have the worst on-time delivery",
    "which sellers have the best on-time delivery",
    "which sellers with at least 100 orders have the worst on-time delivery",
    "which sellers with at least 10 orders have the worst on-time delivery",
    "which sellers with more than 100 orders have the worst on-time delivery",
    "which sellers with at most 100 orders have the worst on-time delivery",
    "which sellers with fewer than 100 orders have the worst on-time delivery",
    "which sellers with at least 100 items have the worst on-time delivery",
    "which sellers with at least 100 orders have the best on-time delivery",
    "which seller with at least 100 orders has the worst on-time delivery",
    "which sellers with at least 100 orders have the worst review score",
    "which sellers have the most late deliveries",
    "average delivery time",
    "average delivery time by state",
    "average delivery time 2017 versus 2018",
    "average delivery time in 2017",
    "average delivery delay",
    "average delivery delay 2017 versus 2018",
    "relationship between delivery delay and review score",
    "relationship between delivery time and review score",
    "distribution of delivery time",
    "payments by payment method",
    "payments with 10 or more installments",
    "payments with at most 2 installments",
    "average installments",
    "average installments for credit cards",
    "hours between purchase and approval",
];

#[test]
fn no_two_questions_that_ask_something_else_share_an_intent() {
    let mut seen = BTreeMap::new();
    for question in DISTINCT {
        if let Some(other) = seen.insert(intent(question).digest(), question) {
            panic!("`{question}` and `{other}` have the same intent: {:?}", intent(question));
        }
    }
    assert!(seen.len() > 120);
}

#[test]
fn other_words_for_the_same_thing_have_its_intent() {
    let meanings: [(&str, &[&str]); 15] = [
        (
            "revenue in Q3 2017",
            &[
                "3Q17 revenue",
                "Good morning, would you be so kind as to tell me our revenue of Q3 2017? Kind regards",
                "Q3 '17 turnover",
                "Please state the total sales for the third quarter of 2017.",
                "sales in the months of July, August and September 2017",
                "revenue between 1 July and 30 September 2017",
                "How much money came in during the third trimester of 2017 (July until September)?",
                "revenue in the three months ending September 2017",
                "what's the revenue number for the 3rd qtr of 2017, quick",
            ],
        ),
        (
            "customers",
            &[
                "How many different people have bought from us, counting each person only once?",
                "number of distinct shoppers, no double counting",
                "how big is our customer base",
            ],
        ),
        (
            "average order value",
            &[
                "AOV pls",
                "How much is an order worth on average?",
                "On average, how much does one order bring in?",
                "average basket per order, in R$",
                "what is the value of a single order on average",
            ],
        ),
        (
            "orders in 2017",
            &[
                "How many orders came in over the whole of 2017?",
                "order count for calendar year 2017",
                "orders with a purchase date between 1 January and 31 December 2017",
                "how many orders were placed in twenty seventeen",
            ],
        ),
        (
            "percentage of orders delivered on time",
            &[
                "What share of parcels reached the customer no later than promised?",
                "In what percentage of cases did an order arrive by the estimated date?",
                "how many orders, in percent, weren't late",
                "rate of orders arriving on schedule",
            ],
        ),
        (
            "percentage of orders that were late",
            &["share of orders delivered after the promised date", "what percent of orders missed the delivery deadline"],
        ),
        (
            "distribution of review scores",
            &[
                "How many reviews got each score from 1 to 5?",
                "how many 1, 2, 3, 4 and 5 star reviews are there",
                "count of reviews per rating",
                "what does the histogram of ratings look like",
            ],
        ),
        (
            "which sellers with at least 100 orders have the worst on-time delivery",
            &[
                "sellers with the lowest on-time rate, excluding those with fewer than 100 orders",
                "sellers ≥ 100 orders, worst on-time delivery",
                "bottom sellers by punctuality, 100 orders minimum",
                "Rank merchants having no fewer than one hundred orders by on-time delivery, worst first",
                "who misses the promised date most often among the sellers with 100+ orders",
                "vendors with 100 orders or more that are least punctual",
            ],
        ),
        (
            "repeat purchase rate by state",
            &[
                "What percentage of shoppers in every state bought at least twice?",
                "state by state, what part of buyers comes back for a second order",
                "how does the rate of repeat purchasing vary from state to state",
            ],
        ),
        (
            "relationship between delivery delay and review score",
            &[
                "Do late deliveries drag down ratings?",
                "are review scores lower the later an order is delivered",
                "When the delivery is delayed, how does the review score change?",
                "are customers less satisfied when their order comes late",
            ],
        ),
        (
            "average delivery time 2017 versus 2018",
            &[
                "Did delivery get faster between 2017 and 2018?",
                "By how many days did the average delivery time change from 2017 to 2018?",
                "What happened to average delivery time from 2017 to 2018?",
                "year over year change in delivery time, 2017 to 2018",
                "In 2018, did we deliver faster than in 2017?",
            ],
        ),
        (
            "which categories have the highest review score",
            &[
                "Please rank the product categories by average review score in descending order.",
                "best liked product lines according to review scores",
                "Top-rated categories",
            ],
        ),
        (
            "revenue by payment method",
            &[
                "Break revenue down by payment type and check whether different calculation approaches lead to different results.",
                "revenue per payment method, and does the number change depending on how you calculate it?",
                "By means of payment, how much revenue was there, and does the answer vary with how the revenue is computed?",
                "sales value by payment method + does the calculation approach matter",
            ],
        ),
        ("average delivery time in SP", &["how long do deliveries to SP take"]),
        ("which state has the most sellers", &["What state has the largest number of sellers?"]),
    ];
    for (first, others) in meanings {
        for other in others {
            let (mut one, mut two) = (intent(first), intent(other));
            // Whether it rose or fell is what the numbers tell.
            for intent in [&mut one, &mut two] {
                if let Some(comparison) = &mut intent.comparison {
                    comparison.direction = None;
                }
            }
            assert_eq!(one, two, "{first} | {other}");
        }
    }
}

#[test]
fn words_that_add_nothing_to_what_is_asked_leave_its_intent() {
    let meanings: [(&str, &[&str]); 14] = [
        (
            "revenue in Q3 2017",
            &[
                "how many reais did sales bring in during the three months of Q3 2017",
                "turnover for the 3 months from July to September 2017",
                "turnover for the three months ending 30 September 2017",
                "revenue Q3 17",
                "What sum did the aggregate sales reach in Q3 2017?",
            ],
        ),
        ("revenue by month in Q3 2017", &["revenue by month over the three months of Q3 2017"]),
        ("total payment value by voucher in 2017", &["how much was paid by voucher in 2017"]),
        ("relationship between delivery time and review score", &["influence of delivery time on stars"]),
        (
            "customers",
            &[
                "headcount of our buyers, every buyer counted once",
                "how many clients are there if each one is only counted once",
                "number of shoppers without repetition",
                "how many customers are there, not counting the same customer twice",
                "how many distinct people are there among our customers",
            ],
        ),
        (
            "average order value",
            &[
                "AOV over the whole data set",
                "mean order value over all orders",
                "what value do the orders have on average, for each one",
                "the average monetary value of an order",
            ],
        ),
        (
            "orders in 2017",
            &["how many times did customers order in 2017", "Determine the number of ordrs between jan and dec 2017."],
        ),
        ("percentage of orders delivered on time", &["which part of the orders, in %, arrived without delay"]),
        (
            "distribution of review scores",
            &["the ratings, how are they divided from 1 until 5?", "how are the scores distributed across the 1-5 scale"],
        ),
        (
            "which sellers with at least 100 orders have the worst on-time delivery",
            &[
                "considering only sellers with 100 or more orders, who performs most poorly in punctual delivery?",
                "sellers with more or equal 100 orders that are most bad in on-time delivery",
                "sellers with at least 100 orders, lowest on-time rate first",
            ],
        ),
        (
            "relationship between delivery delay and review score",
            &[
                "how do the stars move with the delivery delay",
                "has the delay influence on the stars",
                "examine how the stars depend on how many days late an order arrives",
                "is there a connection between how many days late an order is and its rating",
            ],
        ),
        (
            "average delivery time 2017 versus 2018",
            &[
                "did delivery get slower or faster in 2018 compared to 2017, on average",
                "were orders delivered more quickly in 2018 than in 2017",
                "the delivery time became better or worse from 2017 to 2018, and by how much?",
                "did it take longer to deliver in 2018 than in 2017",
            ],
        ),
        (
            "which categories have the highest review score",
            &["I search the categories with the average of stars most high", "top-scoring product categories on reviews"],
        ),
        (
            "revenue by payment method",
            &[
                "revenue for each way of payment, and is it different if we calculate in another manner?",
                "indicate revenue per payment type and whether other ways of computing it yield the same numbers",
            ],
        ),
    ];
    for (first, others) in meanings {
        for other in others {
            assert_eq!(intent(first), intent(other), "{first} | {other}");
        }
    }
}

#[test]
fn what_only_looks_like_an_end_a_group_or_a_limit_is_asked_about() {
    let asked = [
        "what is the highest number of installments used in a payment",
        "largest total amount paid",
        "how many times did people pay by voucher",
        "how many dollars of revenue in 2017",
        "revenue over the two quarters of 2017",
        "customers by customer",
        "revenue per seller, each order counted once",
        "did delivery get slower or faster by state",
        "distribution of scores from 1 to 4",
        "orders in the 3 months from January to December 2017",
        "highest number of installments by state",
        "orders delivered in more than 20 days",
        "how many customers without repeat purchases",
        "which states got faster from 2017 to 2018",
        "which product categories score best with customers",
        "sellers with bad reviews",
        "orders without delay in 2017",
    ];
    for question in asked {
        let reading = read(question);
        assert!(!matches!(reading, Reading::Data(_)), "{question}: {reading:?}");
    }
}

#[test]
fn what_the_marketplace_does_not_hold_is_refused_in_other_words_too() {
    let refused = [
        ("What do we pay to win a new customer?", "acquisition_cost"),
        ("how much is spent, on average, to gain one additional buyer", "acquisition_cost"),
        ("cost per acquired customer", "acquisition_cost"),
        ("What did we earn after costs in 2018?", "margin"),
        ("what percentage of revenue was left after expenses", "margin"),
        ("were we profitable", "margin"),
        ("how much did we spend in 2018", "margin"),
        ("How much will we sell next quarter?", "forecast"),
        ("expected revenue in the coming three months", "forecast"),
        ("sales outlook", "forecast"),
        ("what is our churn rate", "churn"),
        ("customer lifetime value", "lifetime_value"),
        ("revenue against budget", "targets"),
        ("average discount per order", "discounts"),
    ];
    for (question, name) in refused {
        match read(question) {
            Reading::Unanswerable { about, .. } => assert_eq!(about, name, "{question}"),
            other => panic!("`{question}` can't be answered: {other:?}"),
        }
    }
}

#[test]
fn what_has_no_place_is_asked_about_rather_than_answered_nearby() {
    let asked = [
        "median order value",
        "revenue per visit of the moon",
        "how many sellers have more than 100 orders",
        "orders placed in 2017 and delivered in 2018",
        "orders paid only with vouchers",
        "how many new customers did we get in 2018",
        "customers who never came back",
        "how many states do our sellers come from",
        "orders on weekends",
        "how many orders used more than one payment method",
        "revenue in all states but SP",
        "number of orders counted once",
        "late orders by state",
        "orders in July",
        // Not a misspelt “whole”, which says nothing.
        "How many whale orders were there in 2017?",
        "When was the first order placed?",
    ];
    for question in asked {
        let reading = read(question);
        assert!(!matches!(reading, Reading::Data(_)), "{question}: {reading:?}");
    }
}
