mod attacks;
mod bounds;
mod stage;
mod steps;
mod worth;
