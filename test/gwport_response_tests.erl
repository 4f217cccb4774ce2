-module(gwport_response_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [any/0, integer/2, list/1, oneof/1]).

%% Statuses

every_final_status_from_200_to_999_passes_test() ->
    [?assertMatch({ok, #{code := Code}}, head(Code, [])) || Code <- lists:seq(200, 999)].

a_final_status_outside_is_refused_test_() ->
    [?_assertEqual(error, head(Status, []))
        || Status <- [-1, 0, 99, 100, 103, 199, 1000, 1 bsl 70, 200.0, <<"200">>, "200", [], {200}]].

an_integer_that_a_web_server_has_no_text_for_becomes_a_line_test_() ->
    [?_assertMatch({ok, #{status := Line, code := Code}}, head(Code, [])) || {Code, Line} <- [
        {207, <<"207 Multi-Status">>}, {306, <<"306 status code 306">>}, {414, <<"414 Request URI Too Long">>},
        {418, <<"418 I'm a teapot">>}, {422, <<"422 Unprocessable Entity">>}, {429, <<"429 Too Many Requests">>},
        {599, <<"599 status code 599">>}, {999, <<"999 status code 999">>}]].

an_integer_with_a_text_stays_an_integer_test_() ->
    [?_assertMatch({ok, #{status := Code}}, head(Code, []))
        || Code <- [200, 206, 300, 304, 307, 308, 400, 417, 500, 505]].

%% cow_http:status/1 is what Cowboy calls; it has no clause for what it does not know.
cowboy_knows_every_status_that_passes_test() ->
    [begin
        {ok, #{status := Status}} = head(Code, []),
        ?assert(is_binary(iolist_to_binary(cow_http:response(Status, 'HTTP/1.1', []))))
    end || Code <- lists:seq(200, 999)].

a_status_with_a_reason_is_a_line_test() ->
    ?assertMatch({ok, #{status := <<"200 Fine">>, code := 200}}, head({200, <<"Fine">>}, [])),
    ?assertMatch({ok, #{status := <<"404 ", 16#e9>>}}, head({404, <<16#e9>>}, [])).

a_reason_that_would_break_the_line_is_refused_test_() ->
    [?_assertEqual(error, head({200, Reason}, []))
        || Reason <- [<<"a\r\nb">>, <<"a\rb">>, <<"a\nb">>, <<"a", 0>>, <<"a", 27>>, <<"a", 127>>, "Fine", fine]].

a_status_with_a_reason_has_the_same_edges_test_() ->
    [?_assertMatch({ok, _}, head({Code, <<>>}, [])) || Code <- [200, 999]]
        ++ [?_assertEqual(error, head({Code, <<>>}, [])) || Code <- [99, 100, 199, 1000]].

%% Names and values

names_become_lower_case_test() ->
    ?assertEqual([{<<"x-custom">>, <<"V">>}, {<<"content-type">>, <<"T">>}, {<<"cache-control">>, <<"C">>}],
        headers([{<<"X-CUSTOM">>, <<"V">>}, {<<"Content-Type">>, <<"T">>}, {<<"Cache-Control">>, <<"C">>}])).

every_byte_of_a_token_passes_in_a_name_and_another_costs_the_field_test() ->
    Token = "!#$%&'*+-.^_`|~" ++ lists:seq($0, $9) ++ lists:seq($a, $z) ++ lists:seq($A, $Z),
    [?assertEqual({Byte, lists:member(Byte, Token)},
            {Byte, [{<<"y">>, <<"1">>}] =/= headers([{<<"x", Byte>>, <<>>}, {<<"y">>, <<"1">>}])})
        || Byte <- lists:seq(0, 255)],
    ?assertEqual([{<<"y">>, <<"1">>}], headers([{<<>>, <<"v">>}, {<<"y">>, <<"1">>}])).

every_byte_passes_in_a_value_but_control_bytes_which_cost_the_field_test() ->
    [?assertEqual({Byte, Passes}, {Byte, headers([{<<"x">>, <<"abcdef", Byte, "g">>}])}) || {Byte, Passes} <-
        [{Byte, []} || Byte <- lists:seq(0, 31) ++ [127], not lists:member(Byte, "\t\r\n")]
        ++ [{Byte, [{<<"x">>, <<"abcdef", Byte, "g">>}]} || Byte <- [$\t | lists:seq(32, 255)], Byte =/= 127]].

line_breaks_in_a_value_are_spaces_and_spaces_around_it_nothing_test() ->
    [?assertEqual([{<<"x">>, Sent}], headers([{<<"x">>, Value}])) || {Value, Sent} <- [
        {<<"a\r\nX-Admin: 1">>, <<"a  X-Admin: 1">>}, {<<"a\n\tb">>, <<"a \tb">>}, {<<"\r\na\n">>, <<"a">>},
        {<<" \ta b\t ">>, <<"a b">>}, {<<" ">>, <<>>}, {<<"\n">>, <<>>}, {<<>>, <<>>}]],
    ?assertEqual([], headers([{<<"x">>, <<"a\n", 0>>}])).

one_of_several_values_may_cost_itself_alone_test() ->
    ?assertEqual([{<<"x">>, <<"1, 3">>}, {<<"set-cookie">>, <<"b">>}],
        headers([{<<"X">>, <<"1">>}, {<<"x">>, <<0>>}, {<<"set-cookie">>, <<1>>}, {<<"x">>, <<"3">>},
            {<<"Set-Cookie">>, <<"b">>}])).

fields_that_are_no_pairs_of_binaries_are_refused_test_() ->
    [?_assertEqual(error, head(200, Fields)) || Fields <- [
        foo, #{}, <<"a">>, [foo], [{<<"a">>}], [{<<"a">>, <<"b">>, <<"c">>}], [{"a", <<"b">>}],
        [{<<"a">>, "b"}], [{<<"a">>, 1}], [{a, <<"b">>}], [[<<"a">>, <<"b">>]],
        [{<<"a">>, <<"b">>} | foo], [{<<1:1>>, <<"b">>}], [{<<"a">>, <<1:1>>}]]].

an_empty_value_among_several_adds_nothing_test_() ->
    %% A value that ends with the comma's space is none on HTTP/2.
    [?_assertEqual({ok, [{<<"x">>, Joined}]}, trailers([{<<"x">>, Value} || Value <- Values]))
        || {Values, Joined} <- [{[<<"a">>, <<>>], <<"a">>}, {[<<>>, <<"a">>], <<"a">>},
            {[<<"a">>, <<>>, <<"b">>], <<"a, b">>}, {[<<>>, <<>>], <<>>}]].

several_of_a_name_become_one_in_order_test() ->
    ?assertEqual([{<<"vary">>, <<"a, b, c">>}, {<<"x">>, <<"1">>}],
        headers([{<<"Vary">>, <<"a">>}, {<<"x">>, <<"1">>}, {<<"vary">>, <<"b">>}, {<<"VARY">>, <<"c">>}])).

cookies_are_kept_apart_and_in_order_test() ->
    ?assertEqual([{<<"set-cookie">>, <<"a=1">>}, {<<"x">>, <<>>}, {<<"set-cookie">>, <<"b=2">>}],
        headers([{<<"Set-Cookie">>, <<"a=1">>}, {<<"x">>, <<>>}, {<<"set-cookie">>, <<"b=2">>}])).

%% Fields of the connection

fields_of_the_connection_are_dropped_test() ->
    ?assertEqual([{<<"x">>, <<"1">>}], headers([{<<"Connection">>, <<"keep-alive">>},
        {<<"Keep-Alive">>, <<"5">>}, {<<"Proxy-Connection">>, <<"x">>}, {<<"TE">>, <<"trailers">>},
        {<<"Transfer-Encoding">>, <<"chunked">>}, {<<"Upgrade">>, <<"h2c">>}, {<<"x">>, <<"1">>}])).

fields_that_connection_names_are_dropped_test() ->
    ?assertEqual([{<<"x-c">>, <<"3">>}], headers([{<<"x-a">>, <<"1">>}, {<<"Connection">>, <<"X-A,\tx-b">>},
        {<<"X-B">>, <<"2">>}, {<<"x-c">>, <<"3">>}])).

connection_cannot_take_the_length_away_test() ->
    ?assertMatch({ok, #{length := 5, headers := [{<<"content-length">>, <<"5">>}]}},
        head(200, [{<<"Connection">>, <<"content-length">>}, {<<"Content-Length">>, <<"5">>}])).

connection_may_have_any_bytes_test() ->
    [?assertEqual([{<<"x-b">>, <<"2">>}],
        headers([{<<"Connection">>, <<Junk/binary, ", x-a">>}, {<<"x-a">>, <<"1">>}, {<<"x-b">>, <<"2">>}]))
        || Junk <- [<<255>>, <<"caf", 16#e9>>, <<16#c3>>, <<",,">>, <<>>]].

a_426_says_what_to_upgrade_to_test() ->
    Upgrade = [{<<"Connection">>, <<"Upgrade">>}, {<<"Upgrade">>, <<"HTTP/3.0">>}, {<<"X">>, <<"1">>}],
    ?assertEqual([{<<"upgrade">>, <<"HTTP/3.0">>}, {<<"x">>, <<"1">>}], lists:sort(headers(426, Upgrade))),
    ?assertEqual([{<<"x">>, <<"1">>}], headers(200, Upgrade)).

%% A program could keep a client's connection process busy.
the_work_is_in_proportion_to_the_fields_test_() ->
    Names = fun(N) -> [{<<"x", (integer_to_binary(I))/binary>>, <<"v">>} || I <- lists:seq(1, N)] end,
    [{Name, ?_assert(reductions(Fields(4000)) < 6 * reductions(Fields(1000)))} || {Name, Fields} <- [
        {"names", Names}, {"of one name", fun(N) -> [{<<"vary">>, <<"v">>} || _ <- lists:seq(1, N)] end},
        {"cookies", fun(N) -> [{<<"set-cookie">>, <<"v">>} || _ <- lists:seq(1, N)] end},
        {"named by connection", fun(N) ->
            [{<<"connection">>, iolist_to_binary(lists:join(<<",">>, lists:duplicate(N, <<"a">>)))} | Names(N)] end}]].

%% What the check of a head costs, and the making of Cowboy's headers of it.
reductions(Fields) ->
    Payload = term({200, Fields}),
    {ok, Head} = gwport_response:head(Payload),
    %% Where nothing has to be collected: that counts as work, and comes at any moment.
    Room = [monitor, {min_heap_size, 2000000}, {min_bin_vheap_size, 2000000}],
    {Pid, Monitor} = spawn_opt(fun() ->
        {_, Before} = process_info(self(), reductions),
        {ok, Head} = gwport_response:head(Payload),
        _ = gwport_cowboy_response:inform_headers(maps:get(headers, Head)),
        {_, After} = process_info(self(), reductions),
        exit({reductions, After - Before})
    end, Room),
    receive {'DOWN', Monitor, process, Pid, {reductions, N}} -> N end.

only_connection_close_closes_test_() ->
    [?_assertMatch({ok, #{close := Closes}}, head(200, Fields)) || {Closes, Fields} <- [
        {false, []}, {false, [{<<"Connection">>, <<"keep-alive">>}]},
        {false, [{<<"Connection">>, <<"closed">>}]}, {true, [{<<"Connection">>, <<"close">>}]},
        {true, [{<<"connection">>, <<"x-a, Close">>}]},
        {true, [{<<"Connection">>, <<"x-a">>}, {<<"Connection">>, <<"CLOSE">>}]}]].

%% Lengths

a_length_is_digits_test_() ->
    [?_assertMatch({ok, #{length := Length}}, head(200, [{<<"content-length">>, Value}]))
        || {Value, Length} <- [{<<"0">>, 0}, {<<"5">>, 5}, {<<"007">>, 7},
            {<<"999999999999999999">>, 999999999999999999}]].

what_is_no_length_costs_the_field_test_() ->
    [?_assertMatch({Value, {ok, #{length := undefined, headers := []}}},
            {Value, head(200, [{<<"content-length">>, Value}])})
        || Value <- [<<>>, <<"-1">>, <<"+5">>, <<"5, 5">>, <<"0x5">>, <<"5.0">>, <<"x">>, <<"5 5">>, <<"5", 0>>,
            <<"1000000000000000000">>]].

a_response_without_a_length_has_none_test() ->
    ?assertMatch({ok, #{length := undefined}}, head(200, [])).

equal_lengths_are_one_test() ->
    ?assertMatch({ok, #{length := 5, headers := [{<<"content-length">>, <<"5">>}]}},
        head(200, [{<<"Content-Length">>, <<"5">>}, {<<"content-length">>, <<"5">>}])).

lengths_that_differ_are_refused_test_() ->
    [?_assertEqual(error, head(200, [{<<"Content-Length">>, <<"5">>}, {<<"Content-Length">>, Second}]))
        || Second <- [<<"6">>, <<"05">>]].

a_204_does_not_say_how_long_it_is_and_a_304_may_test() ->
    ?assertMatch({ok, #{headers := []}}, head(204, [{<<"Content-Length">>, <<"5">>}])),
    ?assertMatch({ok, #{headers := [{<<"content-length">>, <<"5">>}]}},
        head(304, [{<<"Content-Length">>, <<"5">>}])).

only_head_204_and_304_have_no_body_test() ->
    [?assertEqual({Method, Code, Has}, {Method, Code, gwport_response:has_body(Method, Code)})
        || {Method, Code, Has} <- [{<<"GET">>, 200, true}, {<<"GET">>, 205, true}, {<<"GET">>, 204, false},
            {<<"POST">>, 304, false}, {<<"HEAD">>, 200, false}, {<<"head">>, 200, true}]].

%% Replies

a_reply_is_a_head_and_its_body_test_() ->
    [?_assertMatch({ok, #{code := 200}, <<"hello">>}, reply(200, [], Body))
        || Body <- [<<"hello">>, "hello", ["he", [<<"ll">>], $o], [<<"hell">> | <<"o">>]]].

a_body_that_is_no_iodata_is_refused_test_() ->
    [?_assertEqual(error, reply(200, [], Body)) || Body <- [foo, 1, {<<"a">>}, [256], [foo], <<1:1>>, #{}]].

%% From 32 KiB on the body is not decoded with the rest, if the term has the layout that most have.
a_large_reply_is_a_head_and_its_body_too_test_() ->
    [?_assertEqual({ok, Head, Body}, reply(Status, Fields, Whole))
        || Size <- [32768 - 100, 32768, 100000], Body <- [binary:copy(<<"b">>, Size)],
            Status <- [200, 299, {200, <<"Fine">>}, {404, <<>>}],
            Fields <- [[], [{<<"x">>, <<"1">>}], [{<<"x">>, <<"1">>}, {<<"y">>, <<>>}]],
            {ok, Head} <- [head(Status, Fields)],
            Whole <- [Body, [Body], [<<>>, [Body]]]].

a_large_body_is_not_copied_test() ->
    Payload = term({200, [{<<"x">>, <<"1">>}], binary:copy(<<"b">>, 100000)}),
    {ok, _, Body} = gwport_response:reply(Payload),
    ?assertEqual(byte_size(Payload), binary:referenced_byte_size(Body)).

a_large_reply_that_is_none_is_refused_test_() ->
    Large = binary:copy(<<"b">>, 100000),
    [?_assertEqual(error, gwport_response:reply(Payload)) || Payload <- [
        term({200, [{<<"x">>, 1}], Large}), term({200, [{<<"x">>, <<>>} | <<"y">>], Large}),
        term({200, [], Large, Large}), term({99, [], Large}), term({200.0, [], Large}),
        <<(term({200, [], Large}))/binary, 0>>,
        binary:part(term({200, [], Large}), 0, 100000),
        %% A list that says that it has one more pair, or one fewer, than stand in it.
        <<131, 104, 3, 97, 200, 108, 2:32, 104, 2, 109, 0:32, 109, 0:32, 106, 109, 100000:32, Large/binary>>,
        <<131, 104, 3, 97, 200, 108, 0:32, 104, 2, 109, 0:32, 109, 0:32, 106, 109, 100000:32, Large/binary>>]].

a_reply_with_a_head_that_is_none_is_refused_test_() ->
    [?_assertEqual(error, reply(Status, Fields, <<>>))
        || {Status, Fields} <- [{100, []}, {99, []}, {200, [{<<"a">>, b}]}]].

%% Informs

informs_from_100_to_199_pass_but_101_test() ->
    [?assertEqual({Code, Code =/= 101}, {Code, element(1, inform_or_error(Code, [])) =:= ok})
        || Code <- lists:seq(100, 199)].

an_inform_outside_is_refused_test_() ->
    [?_assertEqual(error, inform(Code, [])) || Code <- [99, 200, 999, foo]].

an_inform_has_no_length_test() ->
    ?assertEqual({ok, 103, [{<<"link">>, <<"x">>}]},
        inform(103, [{<<"Content-Length">>, <<"5">>}, {<<"Link">>, <<"x">>}])).

an_inform_has_no_fields_of_the_connection_test() ->
    ?assertEqual({ok, 103, [{<<"link">>, <<"x">>}]},
        inform(103, [{<<"Connection">>, <<"x-a">>}, {<<"X-A">>, <<"1">>},
            {<<"Transfer-Encoding">>, <<"chunked">>}, {<<"Link">>, <<"x">>}])).

an_inform_loses_what_cannot_be_sent_test() ->
    ?assertEqual({ok, 103, [{<<"link">>, <<"x">>}]},
        inform(103, [{<<"a">>, <<0>>}, {<<"a b">>, <<"1">>}, {<<"Link">>, <<"x">>}])).

inform_or_error(Code, Fields) ->
    case inform(Code, Fields) of
        error -> {error};
        Ok -> Ok
    end.

%% Trailers

trailers_are_checked_like_fields_test() ->
    ?assertEqual({ok, [{<<"x-sum">>, <<"1, 2">>}]},
        trailers([{<<"X-Sum">>, <<"1">>}, {<<"x-sum">>, <<"2">>}])),
    ?assertEqual({ok, [{<<"x">>, <<"1">>}]}, trailers([{<<"a b">>, <<>>}, {<<"a">>, <<0>>}, {<<"x">>, <<"1">>}])),
    [?assertEqual(error, trailers(Bad)) || Bad <- [foo, [{a, <<>>}], [foo]]].

what_is_not_for_trailers_is_dropped_test_() ->
    [{binary_to_list(Name), ?_assertEqual({ok, [{<<"x">>, <<"1">>}]},
        trailers([{Name, <<"5">>}, {<<"x">>, <<"1">>}]))}
        || Name <- [<<"Content-Length">>, <<"Transfer-Encoding">>, <<"Connection">>, <<"Upgrade">>, <<"TE">>,
            <<"Keep-Alive">>, <<"Host">>, <<"Set-Cookie">>, <<"Authorization">>, <<"Content-Type">>,
            <<"Content-Encoding">>, <<"Content-Range">>, <<"Trailer">>]].

%% Payloads

a_payload_of_another_shape_is_refused_test_() ->
    Payloads = [<<>>, <<"junk">>, term([]), term({200}), term({200, [], <<>>, <<>>}), term(200)],
    [?_assertEqual(error, Read(Payload)) || Payload <- [term({200, [], <<>>}) | Payloads],
        Read <- [fun gwport_response:head/1, fun gwport_response:inform/1]]
        ++ [?_assertEqual(error, gwport_response:reply(Payload)) || Payload <- [term({200, []}) | Payloads]]
        ++ [?_assertEqual(error, gwport_response:trailers(Payload)) || Payload <- Payloads -- [term([])]].

any_term_gives_a_response_or_an_error_test_() ->
    gwport_gen:check(?FORALL(Term, oneof([any(), {any(), any()}, {integer(90, 1010), any()},
            {any(), any(), any()}, {200, any(), any()}, {200, [], any()}, {200, list({any(), any()})}]),
        begin
            Payload = term(Term),
            lists:all(fun(Read) ->
                case Read(Payload) of
                    error -> true;
                    Ok -> element(1, Ok) =:= ok
                end
            end, [fun gwport_response:head/1, fun gwport_response:inform/1, fun gwport_response:reply/1,
                fun gwport_response:trailers/1])
        end)).

%% Whatever passes, a client can be sent.
fields_that_pass_are_fit_for_a_client_test_() ->
    gwport_gen:check(?FORALL(Fields, list(gwport_gen:field()),
        case {head(200, Fields), inform(103, Fields), trailers(Fields)} of
            {{ok, #{headers := Headers}}, Inform, Trailers} ->
                lists:all(fun is_fit/1, [Headers]
                    ++ [Passed || {ok, _, Passed} <- [Inform]] ++ [Passed || {ok, Passed} <- [Trailers]]);
            %% Two lengths that differ.
            {error, _, _} ->
                length(lists:usort([Value || {Name, Value} <- Fields,
                    cowboy_bstr:to_lower(Name) =:= <<"content-length">>])) > 1
        end)).

is_fit(Fields) ->
    Names = [Name || {Name, _} <- Fields, Name =/= <<"set-cookie">>],
    length(lists:usort(Names)) =:= length(Names)
        andalso lists:all(fun({Name, Value}) ->
            re:run(Name, "^[-!#$%&'*+.^_`|~0-9a-z]+$", [{capture, none}, dollar_endonly]) =:= match
                andalso re:run(Value, "^([^\\x00-\\x20\\x7f]([^\\x00-\\x08\\x0a-\\x1f\\x7f]*[^\\x00-\\x20\\x7f])?)?$",
                    [{capture, none}, dollar_endonly]) =:= match
                andalso not lists:member(Name, [<<"connection">>, <<"transfer-encoding">>])
        end, Fields).

%% Helpers

head(Status, Fields) -> gwport_response:head(term({Status, Fields})).

inform(Status, Fields) -> gwport_response:inform(term({Status, Fields})).

reply(Status, Fields, Body) -> gwport_response:reply(term({Status, Fields, Body})).

trailers(Fields) ->
    case gwport_response:trailers(term(Fields)) of
        {ok, Passed} -> {ok, [{Name, iolist_to_binary(Value)} || {Name, Value} <- Passed]};
        error -> error
    end.

headers(Fields) ->
    headers(200, Fields).

headers(Status, Fields) ->
    {ok, #{headers := Headers}} = head(Status, Fields),
    [{Name, iolist_to_binary(Value)} || {Name, Value} <- Headers].

term(Term) ->
    term_to_binary(Term).
