-module(gwport_line_tests).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

%% Quoting

what_can_be_printed_is_as_it_is_test_() ->
    [?_assertEqual(Text, gwport_line:text(Text)) || Text <- [<<>>, <<"hello">>, <<"a b=c \"d\" \\ 'e'">>,
        <<"\tat main.go:4">>, <<"žluť €, 日本語, 🙂"/utf8>>]].

what_could_be_taken_for_something_else_is_quoted_test_() ->
    [?_assertEqual(Quoted, gwport_line:text(Text)) || {Text, Quoted} <- [
        {<<"a\nb">>, <<"\"a\\nb\"">>},
        {<<"a\r\n\tb\\">>, <<"\"a\\r\\n\\tb\\\\\"">>},
        {<<"\e[31mred">>, <<"\"\\x1b[31mred\"">>},
        {<<"nul", 0>>, <<"\"nul\\x00\"">>},
        {<<"del", 127>>, <<"\"del\\x7f\"">>},
        %% CSI, as one byte of Latin-1 and as the character of that number.
        {<<16#9b, "31m">>, <<"\"\\x9b31m\"">>},
        {<<16#9b/utf8, "31m">>, <<"\"\\u009b31m\"">>},
        {<<"caf", 16#e9>>, <<"\"caf\\xe9\"">>},
        {<<"cut ", 16#e2, 16#82>>, <<"\"cut \\xe2\\x82\"">>},
        {<<"line", 16#2028/utf8, "separator">>, <<"\"line\\u2028separator\"">>},
        {<<"turned", 16#202e/utf8>>, <<"\"turned\\u202e\"">>},
        {<<16#feff/utf8, "mark">>, <<"\"\\ufeffmark\"">>},
        {<<16#e0041/utf8>>, <<"\"\\U000e0041\"">>},
        {<<16#ffff/utf8>>, <<"\"\\uffff\"">>},
        {<<"\"as if\" quoted">>, <<"\"\\\"as if\\\" quoted\"">>}]].

a_text_with_attributes_does_not_look_as_if_it_had_others_test_() ->
    [?_assertEqual(<<"hello, all">>, gwport_line:text(<<"hello, all">>, attributes)),
        ?_assertEqual(<<"\"login ok user=admin\"">>, gwport_line:text(<<"login ok user=admin">>, attributes)),
        ?_assertEqual(<<"\"a \\\"b\\\"\"">>, gwport_line:text(<<"a \"b\"">>, attributes))].

an_attribute_is_one_word_test_() ->
    [?_assertEqual(Quoted, gwport_line:attribute(Text)) || {Text, Quoted} <- [
        {<<"word">>, <<"word">>}, {<<"back\\slash">>, <<"back\\slash">>}, {<<>>, <<"\"\"">>},
        {<<"two words">>, <<"\"two words\"">>}, {<<"a=b">>, <<"\"a=b\"">>}, {<<"a\"b">>, <<"\"a\\\"b\"">>},
        {<<"a\tb">>, <<"\"a\\tb\"">>}]].

lines_of_a_block_are_set_in_test() ->
    ?assertEqual(<<"panic: x\n    \n    goroutine 1 [running]:\n    \t/a.go:1\n    \"\\x1b[31m\"">>,
        gwport_line:block([<<"panic: x">>, <<>>, <<"goroutine 1 [running]:">>, <<"\t/a.go:1">>, <<"\e[31m">>])).

%% Whatever a program writes is one line of printable characters, and two texts are never written alike.
any_bytes_are_one_printable_line_test_() ->
    gwport_gen:check(?FORALL(Bytes, bytes(),
        lists:all(fun(C) -> C >= 32 orelse C =:= $\t end, unicode:characters_to_list(gwport_line:text(Bytes))))).

no_two_texts_are_written_alike_test_() ->
    gwport_gen:check(?FORALL({A, B}, {bytes(), bytes()},
        A =:= B orelse gwport_line:text(A) =/= gwport_line:text(B))).

bytes() ->
    ?LET(Parts, list(oneof([binary(), <<"\n">>, <<"\"">>, <<"\\">>, <<"\\n">>, <<"é"/utf8>>, <<"a">>])),
        iolist_to_binary(Parts)).

%% Pieces

a_line_of_8192_bytes_is_one_piece_and_one_more_is_two_test() ->
    ?assertEqual([8192], sizes(binary:copy(<<"x">>, 8192))),
    ?assertEqual([8192, 1], sizes(binary:copy(<<"x">>, 8193))),
    ?assertEqual([8192, 8192, 3], sizes(binary:copy(<<"x">>, 2 * 8192 + 3))),
    ?assertEqual([0], sizes(<<>>)).

sizes(Line) ->
    [byte_size(Piece) || Piece <- gwport_line:pieces(Line)].

no_piece_ends_inside_a_character_test_() ->
    [{lists:concat([Name, " at ", Before]), ?_test(begin
        Line = <<(binary:copy(<<"x">>, Before))/binary, (binary:copy(Character, 5000))/binary>>,
        Pieces = gwport_line:pieces(Line),
        ?assertEqual(Line, iolist_to_binary(Pieces)),
        [?assert(is_list(unicode:characters_to_list(Piece))) || Piece <- Pieces],
        [?assert(byte_size(Piece) =< 8192) || Piece <- Pieces],
        [?assert(byte_size(Piece) > 8188) || Piece <- lists:droplast(Pieces)]
    end)} || {Name, Character} <- [{two, <<"é"/utf8>>}, {three, <<"€"/utf8>>}, {four, <<"🙂"/utf8>>}],
        Before <- lists:seq(0, 4)].

what_is_no_text_is_cut_all_the_same_test() ->
    ?assertEqual([8192, 8192, 8192], sizes(binary:copy(<<16#80>>, 3 * 8192))).

what_may_go_on_is_kept_until_it_is_too_long_test() ->
    Line = binary:copy(<<"x">>, 8192),
    ?assertEqual({[], Line}, gwport_line:full_pieces(Line)),
    ?assertEqual({[Line], <<"y">>}, gwport_line:full_pieces(<<Line/binary, "y">>)).

%% Crashes

last_words_are_known_test_() ->
    [?_assert(gwport_line:begins_crash(Line)) || Line <- [<<"panic: boom">>, <<"fatal error: all goroutines are asleep">>,
        <<"runtime: goroutine stack exceeds 1000000000-byte limit">>, <<"SIGQUIT: quit">>,
        <<"SIGSEGV: segmentation violation">>, <<"Traceback (most recent call last):">>]].

stacks_are_known_test_() ->
    [?_assert(gwport_line:begins_stack(Line)) || Line <- [<<"goroutine 1 [running]:">>, <<"goroutine 18 [select, 2 minutes]:">>]]
        ++ [?_assertNot(gwport_line:begins_stack(Line)) || Line <- [<<"goroutine pool is full">>, <<"goroutine 1 is done">>, <<>>]].

panics_that_frameworks_catch_are_known_test_() ->
    [?_assert(gwport_line:begins_recovered(Line)) || Line <- [<<" panic: boom">>,
        <<"\e[31m2026/11/27 07:01:40 [Recovery] 2026/11/27 - 07:01:40 panic recovered:">>,
        <<"[Recovery] 2026/11/27 - 07:01:40 panic recovered:">>,
        <<"<3>http: panic serving 127.0.0.1:56466: boom">>, <<"http2: panic serving 127.0.0.1:56466: boom">>,
        <<"2026/11/27 07:01:40.123456 http: panic serving 127.0.0.1:56466: boom">>,
        <<"2026/11/27 07:01:40 http: panic serving 127.0.0.1:56466: boom">>]]
        ++ [?_assertNot(gwport_line:begins_recovered(Line)) || Line <- [<<"don't panic: all is well">>,
            <<"  panic: indented">>, <<"the panic recovered">>, <<"panicserving ">>,
            <<"user wrote: http: panic serving tea">>, <<"GET /?q=1 panic recovered: x">>,
            <<"http: no panic serving 1">>, <<>>]].

other_words_are_no_last_words_test_() ->
    [?_assertNot(gwport_line:begins_crash(Line)) || Line <- [<<"goroutine pool is full">>, <<"goroutine 1 is done">>, <<"SIGHUP received">>, <<"SIGHUP: reloading">>, <<"SIGQUIT: quitting">>,
        <<"SIGNAL">>, <<"runtime: started in 3s">>, <<"don't panic: all is well">>, <<>>]].
