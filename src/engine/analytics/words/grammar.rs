//! The words of questions that belong to no trade: what asks, ranks, compares, limits and joins.

use super::super::intent::Relation;

/// What such a word does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cue {
    /// `how many`.
    Count,
    /// `average`.
    Average,
    /// `total`.
    Total,
    /// `percentage of`.
    Share,
    /// `distribution of`.
    Distribution,
    /// `breakdown of`.
    Breakdown,
    /// `relationship between`.
    Relationship,
    /// `lower`: of two things, one goes with the other.
    Comparative,
    /// `by`, `per`, `each`.
    By,
    /// `across`, `among`: by, or over all of them.
    Across,
    /// `which`.
    Which,
    /// `what`.
    What,
    /// `highest`.
    Highest,
    /// `most`: the greatest number of what follows.
    Most,
    /// `lowest`.
    Lowest,
    /// `fewest`: the smallest number of what follows.
    Fewest,
    /// `best`.
    Best,
    /// `worst`.
    Worst,
    /// `change`.
    Change,
    /// `compare`: periods, or groups.
    Compare,
    /// `grow`.
    Rise,
    /// `decline`.
    Fall,
    /// `over time`.
    Trend,
    /// `compared with the year before`.
    YearBefore,
    /// `compared with the period before`.
    PeriodBefore,
    /// `at least`.
    Bound(Relation),
    /// `or more` behind a number.
    OrMore,
    /// `or less` behind a number.
    OrLess,
    /// `not`.
    Not,
    /// `and`.
    And,
    /// `or`.
    Or,
    /// `calculation approach`: the other definitions are asked for.
    Definitions,
    /// `counting each person once`: things are counted and not their mentions.
    Once,
    /// `in descending order`.
    Descending,
    /// `in ascending order`.
    Ascending,
    /// `sorted by`.
    Sorted,
    /// `on the whole`: says nothing.
    Nothing,
    /// `were`: what stands behind it is said of what stands before it.
    Verb,
    /// `hello`.
    Greeting,
}

/// Phrases, with a bar between them, and what they do. The words `a`, `an`, `of`, `our`, `the` are left out of phrases and questions alike.
pub const CUES: &[(Cue, &str)] = &[
    (
        Cue::Count,
        "how many|how many unique|how many distinct|number|count|total number|how many different|quantity|how many times|\
         number of times",
    ),
    (Cue::Average, "average|mean|on average|typical|typically|averaged|in average|medium|in mean|as average|at average|on mean"),
    (Cue::Total, "total|sum|totals|total amount|combined|in total|aggregate|aggregated|grand total"),
    (
        Cue::Share,
        "percentage|percent|what percent|share|proportion|fraction|pct|portion|what part|part|how large part|how big part|\
         ratio|how many percent|what percentage|which percentage|which percent|how much percent",
    ),
    (
        Cue::Distribution,
        "distribution|distributed|histogram|spread|spread out|how distributed|frequency|how often|how frequently|\
         how regularly|distribute|frequency distribution|fall across|how common",
    ),
    (
        Cue::Breakdown,
        "breakdown|broken down|break down|split|broken out|split up|divided|broken down by|breakdown by|split by|separated|\
         segmented|grouped|itemised|itemized|grouped by|group by|split out by|broken out by|divided by|separated by|\
         segmented by|split up by",
    ),
    (
        Cue::Relationship,
        "what happens to|what happen to|to what extent|to which extent|relation|relationship|suffer|suffers|function|\
         as function|correlation|correlate|correlated|relate|related|association|associated|connection|connected|link|linked|\
         affect|impact|influence|effect|depend on|depending on|depending|tied|hurt|go together|interplay|drag down|interact|\
         reflected|vary with|move with|varies with|influenced|affected|influenced by|affected by|depend|reduce|damage|\
         track with|shape|driven by|tracks with|bearing on|play into|translate into|lead to|cause|result in|go hand in hand|\
         go with|goes with|goes together|hinge on|dependent on|dependent|dependence|dependency|correlates|correlates with|\
         associates|reliant on|hinges on|sensitive to|make difference to|determine|bring down|go along with|change with|\
         changes with|change as|depends on|matter for",
    ),
    (
        Cue::Comparative,
        "longer or shorter|shorter or longer|faster or slower|slower or faster|quicker or slower|more or less|less or more|\
         more or fewer|lower|higher|worse|better|poorer|shorter|longer|smaller|larger|bigger|less|greater",
    ),
    (
        Cue::By,
        "by|per|for each|each|every|for every|in each|in every|at each|at every|according to|within each|by each|from each|\
         of each|by individual|individual",
    ),
    (
        Cue::Across,
        "across|among|across all|among all|between all|across different|amongst|across each|across every|vary by|varies by|\
         differ by|vary across|differ across|compare across|from one to another",
    ),
    (Cue::Which, "which|list|rank|ranked|ranking|which ones|ranks"),
    (Cue::Sorted, "sorted by|sort by|in order of|arranged by|sorted|sort|sorted according to|ranked according to"),
    (
        Cue::Descending,
        "descending|descending order|in descending order|from highest to lowest|highest to lowest|highest first|high to low|\
         largest to smallest|from largest to smallest|most to least|from most to least|decreasing order|in decreasing order|\
         largest first|biggest first|from biggest to smallest|biggest to smallest|from high to low",
    ),
    (
        Cue::Ascending,
        "ascending|ascending order|in ascending order|from lowest to highest|lowest to highest|lowest first|low to high|\
         smallest to largest|from smallest to largest|least to most|from least to most|increasing order|in increasing order|\
         smallest first|from low to high",
    ),
    (
        Cue::Once,
        "without counting anyone twice|without counting anybody twice|without counting people twice|not counting anyone twice|\
         counting nobody twice|counting no one twice|no double counting|without double counting|without counting twice|\
         not double counted|without duplicates|no duplicates|excluding duplicates|ignoring duplicates|deduplicated|deduped|\
         without repeats|without repetition|without repetitions|no repetition|no repetitions|without repeating|\
         without any repetition|without duplication|without counting double|not counting repeats|counted once|no repeats|\
         no repeat|no doubles|without doubles|counted only once|counting once|counting only once|counted just once",
    ),
    (
        Cue::Nothing,
        "single number|single figure|one number|one figure|to date|so far|till now|until now|up to now|all time|of all time|\
         across board|across whole board|on whole|all in all|look like|looks like|looking like|at moment|right now|in general|\
         in terms of|when it comes to|with respect to|with regard to|in course of|over course of|in history|as possible|\
         if possible|if you can|to be exact|look up|look into|one by one|take into account|taken into account|in question|\
         in mind|as a whole|as whole|across entire|by any chance|in detail|in practice|in numbers|for me|for us|just wondering|\
         quick question|only counting|counting only|only considering|considering only|only looking at|looking only at|\
         only including|including only|only taking|taking only|measured by|as measured by|expressed as|over all time|\
         over whole time|over entire time|over whole period|over entire period|over full period|over everything|\
         counted from purchase|measured from purchase|counting from purchase|in each case|each time|in this regard|\
         in this respect|at glance|like to know|like to see",
    ),
    (
        Cue::What,
        "what|by how much|how much|how much more|how large|how big|how high|how good|how strong|how does|would like|id like|\
         what kind|how well|name",
    ),
    (
        Cue::Highest,
        "highest|largest|biggest|greatest|top|maximum|max|longest|leading|strongest|lead in|leads in|lead|leads|top scoring|\
         highest scoring|best scoring|lead on|leads on|come out on top|comes out on top|come top|rank highest|ranks highest|\
         rank first|ranks first|score highest|scores highest|score best|scores best|most highly|top performing|most high|\
         most large|most big|most great|most elevated|most long|largest ones|biggest ones|highest ones|uppermost|top most",
    ),
    (Cue::Most, "most|most often|most frequently|the most|biggest number|highest number|largest number"),
    (
        Cue::Lowest,
        "rank lowest|ranks lowest|rank last|ranks last|score lowest|scores lowest|score worst|scores worst|lowest scoring|\
         worst scoring|lowest|smallest|minimum|min|shortest|bottom|weakest|most low|most small|most short|least high|\
         lowest ones",
    ),
    (Cue::Fewest, "least|least often|least frequently|fewest|lowest number|smallest number"),
    (
        Cue::Best,
        "best|best at top|best on top|best performing|happiest|most good|perform well|performs well|do well|does well|\
         best ones|best first|best to worst|from best to worst|do best|does best|perform best|performs best",
    ),
    (
        Cue::Worst,
        "worst first|worst at top|worst on top|worst to best|from worst to best|do worst|does worst|perform worst|\
         performs worst|worst|poorest|worst performing|bottom performing|most bad|most badly|most poor|most poorly|\
         perform poorly|performs poorly|perform badly|performs badly|do poorly|does poorly|do badly|does badly|\
         poorest performing|worst ones|least well|perform least well|performs least well|perform most poorly|\
         performs most poorly|perform most badly|performs most badly|poorly performing|badly performing|poor performing",
    ),
    (
        Cue::Change,
        "what happened to|what has happened to|go up or down|went up or down|gone up or down|up or down|rise or fall|\
         rose or fell|increase or decrease|increased or decreased|improve or worsen|improved or worsened|better or worse|\
         higher or lower|lower or higher|worse or better|worsen or improve|worsened or improved|improved or got worse|\
         improve or get worse|get better or worse|got better or worse|go down or up|grow or shrink|change|changed|changing|\
         evolve|evolved|shift|shifted|move|moved|develop|developed|year on year change",
    ),
    (
        Cue::Compare,
        "compare|compared|comparing|comparison|vary|varies|versus|v|vs|difference|differ|different between|compared to|\
         compared with|stack up|against|how different|relative to|compare to|compare with|compare against|make difference",
    ),
    (
        Cue::Rise,
        "grow|grew|grown|growth|increase|increased|rise|rose|improve|improved|go up|goes up|going up|gets higher|get higher|\
         gain|gained|improvement|went up",
    ),
    (
        Cue::Fall,
        "decline|declined|decrease|decreased|drop|dropped|fall|fell|shrink|shrank|worsen|worsened|go down|goes down|\
         going down|gets lower|get lower|lose|lost|went down",
    ),
    (Cue::Trend, "over time|trend|time series|evolution|trending|trended|through time|over period"),
    (
        Cue::YearBefore,
        "year over year|yoy|year on year|same period last year|compared to year before|compared with year before|\
         compared to previous year|compared with previous year|versus previous year|compared to prior year|vs previous year|\
         versus year before|from year before|compared to same quarter last year|compared to same period last year|\
         vs prior year",
    ),
    (
        Cue::PeriodBefore,
        "quarter over quarter|qoq|month over month|mom|week over week|quarter on quarter|month on month|\
         compared to previous quarter|compared with previous quarter|compared to quarter before|compared with quarter before|\
         versus previous quarter|vs previous quarter|compared to previous month|compared with previous month|\
         compared to month before|versus previous month|vs previous month|compared to previous period|\
         compared to prior quarter|from previous quarter|compared to prior period|versus prior quarter|vs prior quarter",
    ),
    (
        Cue::Bound(Relation::AtLeast),
        "at least|minimum|min|minimally|no fewer than|no less than|not fewer than|not less than|at minimum|more or equal|\
         more or equal to|greater or equal|greater or equal to|greater than or equal to|more than or equal to|\
         equal or more than|equal to or more than|equal or greater than|not below|not under|higher or equal|higher or equal to|\
         as minimum|equal or above|minimum number of",
    ),
    (
        Cue::Bound(Relation::MoreThan),
        "more than|over|above|greater than|exceeding|higher than|in excess of|larger than|bigger than",
    ),
    (
        Cue::Bound(Relation::AtMost),
        "at most|no more than|not more than|up to|maximum|max|less or equal|less or equal to|less than or equal to|\
         fewer than or equal to|smaller or equal|smaller or equal to|not above|not over|at maximum|as maximum",
    ),
    (Cue::Bound(Relation::LessThan), "less than|fewer than|under|below|lower than|smaller than"),
    (Cue::Bound(Relation::Exactly), "exactly|precisely"),
    (
        Cue::OrMore,
        "or more|plus|and more|and above|or above|or higher|and up|upwards|or over|or greater|and over|or upwards|and upwards|\
         or up",
    ),
    (Cue::OrLess, "or less|or fewer|or below|and below|or lower|and under"),
    (
        Cue::Not,
        "not|ignore|disregard|disregarding|omit|omitting|leave out|excluding|except|without|exclude|other than|besides|\
         ignoring|apart from|leaving out|no|never|non|except for|outside|but not",
    ),
    (Cue::And, "and|as well as|plus also|alongside|along with|together with"),
    (Cue::Or, "or"),
    (
        Cue::Definitions,
        "way computing|way calculating|way calculation|calculating|computing|calculation approach|calculation approaches|\
         calculation method|calculation|calculated|approach|method calculation|how it is calculated|way it is calculated|\
         definition|way calculating it|way computing it|how we calculate it|how it is computed|computation|ways calculating|\
         calculate it|compute it|way we calculate it|how you calculate it|computed|calculate|compute|calculating it|\
         computing it|method used|formula|approach used|way you calculate it|way you compute it|calculation approach matter|\
         calculation method matter|approach matter|method matter|calculations|methodology|way of counting|ways of counting|\
         counting method|how it is counted|how it is measured|definitions|measuring|how it is worked out|worked out|\
         way it is counted|way it is measured|method of calculating|methods",
    ),
    (
        Cue::Verb,
        "falling in|falling on|falling within|fall on|falls on|fall into|falls into|fell into|fell on|fell under|fell within|\
         fall within|falls within|fall under|falls under|amount to|amounts to|amounted to|amounting to|in value|were|was|are|\
         is|come from|came from|comes from|belong to|went to|go to|goes to|have been|be|got|get|did|do|ended up|end up|\
         actually",
    ),
    (
        Cue::Greeting,
        "hello|hi|hey|thanks|thank you|good morning|good evening|good afternoon|bye|goodbye|who are you|help|what can you do|\
         how are you|nice|great|cool|what can i ask|cheers",
    ),
];

/// Words that phrases and questions are compared without.
pub const GLUE: &[&str] = &["the", "a", "an", "of", "our", "your", "their", "its", "my"];

/// Words that a question may have anywhere and that say nothing. A word that could turn the meaning round is not among them.
pub const SAYS_NOTHING: &str = "i we occur occurs occurring strongly whether check real actual you considering consider where wise looked possible \
     kindly it they he she us me them this that these those there here who whom whose how in on at to for from with into \
     within through out about as has have had having does can could would should might please tell show give find get \
     display need want know see calculate let look looking provide report return say being been so then just also any some \
     all figure result information level s did do is are was were be during bring seen saw observed happen happened \
     occurred recorded record entire whole full ever far wondering wonder curious come came account represent generate \
     generated based located living live use used using make made went got different various specific particular respective \
     given terms shape perform performed performing ask question ok okay well usually generally really actually numbers \
     stats statistics metric looks everything put together work works worked stand stood compute hi hello hey explain \
     describe summarise summarize summary overview analysis analyse analyze determine identify pull fetch exist existing \
     existed hold held contain contained appear appeared present pls plz asap thx calendar throughout course roughly \
     approximately currently presently restrict restricted restricting limit limited limiting filter filtered filtering \
     narrow narrowed historically case cases if regarding concerning period periods confirm yet already achieve achieved \
     grateful appreciate glad behind still booked registered logged include includes done something anything somebody \
     anybody gave gives giving needed needs wants wanted handle handled handles handling themselves itself ones inside \
     belong belongs belonging examine examining investigate inspect explore assess assessing evaluate search searching seek \
     seeking become becomes became becoming indicate indicating monetary wish obtain kindly discover respond answer specify \
     specifying via everyone everybody quantify gimme obtained obtaining";
