NAME          OFFSET
OBJSENSE
    MAX
ROWS
 N  GAIN
 N  OTHER
 L  LIMIT
COLUMNS
    A         GAIN               3.0   LIMIT              1.0
    A         OTHER              9.0
    B         GAIN               2.0   LIMIT              1.0
RHS
    RHS       LIMIT              4.0   GAIN             -12.5
BOUNDS
 UP BND       A                  2.0
ENDATA
